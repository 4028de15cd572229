"""The package behind the DAGs, in the order of the data.

landing → lake → models → predictions → audience, on top of contracts, config, quality and database;
orchestration, embedded and stack run it.
"""
