"""The data dictionary says what a real database says: comments, and who may read."""

from sqlalchemy import text

from include.contracts import lake_tables
from include.database.dictionary import READERS, ROLES, database_tables, render, views
from include.database.engine import engine
from include.settings import Settings

TYPES = ("view", "buy")

_RELATIONS = """
select n.nspname || '.' || c.relname as name, obj_description(c.oid) as says
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('predictions', 'analytics', 'pii', 'marketing') and c.relkind in ('r', 'p', 'v')
  and not c.relispartition
"""
_COLUMNS = """
select attname as name, col_description(attrelid, attnum) as says from pg_attribute
where attrelid = cast(:relation as regclass) and attnum > 0 and not attisdropped
"""
_MAY = (
    "select has_schema_privilege(:role, split_part(:relation, '.', 1), 'usage') "
    "and has_any_column_privilege(:role, :relation, 'select')"
)


def test_readers_and_comments_are_those_of_the_database(place: Settings) -> None:
    with engine(place, "admin").connect() as connection:
        relations = {row.name: row for row in connection.execute(text(_RELATIONS))}
        columns = {
            name: {
                row.name: row.says for row in connection.execute(text(_COLUMNS), {"relation": name})
            }
            for name in relations
        }
        readers = {
            name: tuple(
                role
                for role in ROLES
                if connection.scalar(text(_MAY), {"role": role, "relation": name})
            )
            for name in relations
        }
    assert readers == READERS
    tables = {table.fullname: table for table in database_tables()}
    assert set(tables) | set(views()) == set(relations)
    for name, table in tables.items():
        assert relations[name].says == table.comment
        assert columns[name] == {column.name: column.comment for column in table.columns}
    for name, (says, described) in views().items():
        assert relations[name].says == says
        assert columns[name] == described or not described


def test_columns_that_differ_only_in_type_or_days_share_a_row() -> None:
    written = render(lake_tables(TYPES), TYPES)
    assert (
        "| `<type>_count_<1\\|7\\|28\\|84>d` | long | events |  | The user's events of type "
        "`<type>` in the last so many days. |"
    ) in written
    assert (
        "| `categories_84d` | long | categories |  | Categories in which the user was active in "
        "the last 84 days. |"
    ) in written
