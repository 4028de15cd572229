"""Alembic's entry point: runs on the connection that `include.database.migrate` hands over."""

from alembic import context

from include.database.base import Base
from include.database.migrate import COMPARE

# Importing the models fills Base.metadata.
from include.database.tables import audience, lake, models, predictions, tasks  # noqa: F401

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    **COMPARE,
)
context.run_migrations()
