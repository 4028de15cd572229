"""Alembic's entry point: runs on the connection that `include.warehouse.migrate` hands over."""

from alembic import context

from include.warehouse.models import SCHEMAS, Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_schemas=True,
    include_name=lambda name, kind, _parents: kind != "schema" or name in SCHEMAS,
)
context.run_migrations()
