"""Alembic's entry point: runs on the connection that `include.database.migrate` hands over."""

from alembic import context

from include.database.base import SCHEMAS, Base

# Importing the models fills Base.metadata.
from include.database.tables import audience, lake, models, predictions, tasks  # noqa: F401

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_schemas=True,
    include_name=lambda name, kind, _parents: kind != "schema" or name in SCHEMAS,
)
context.run_migrations()
