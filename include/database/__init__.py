"""The warehouse, a Postgres database.

    address      where the four databases are, and who logs in; engine: connections to the warehouse
    tables/      its tables as models, a file a subject; base: what they have in common
    migrations/  what makes and changes them, in order; migrate: runs what is new
    definitions/ views (freshness, audience, latest scores), functions, roles, ownership, row level
                 security and grants: a file each, as they are today; definitions.py runs them
    roles        team roles from campaigns.yaml, and passwords
    upsert       insert rows, or replace those with their key
    dictionary   writes docs/data_dictionary.md

Tables change by migrations, one after the other; definitions are made anew, all together.
"""
