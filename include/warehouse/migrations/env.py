"""Alembic's entry point: runs on the connection that `include.warehouse.migrate` hands over."""

from alembic import context

# Importing the models fills Base.metadata.
from include.warehouse import consumer_models, models, training_models  # noqa: F401
from include.warehouse.base import SCHEMAS, Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_schemas=True,
    include_name=lambda name, kind, _parents: kind != "schema" or name in SCHEMAS,
)
context.run_migrations()
