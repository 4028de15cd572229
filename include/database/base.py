"""What all models of the warehouse's tables have in common."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, DateTime, MetaData, Text
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB
from sqlalchemy.orm import DeclarativeBase

SCHEMAS = ("predictions", "analytics", "pii", "marketing")


class Base(DeclarativeBase):
    """Base of all models; constraint names follow one rule."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads the class attribute)
        str: Text,
        date: Date,
        datetime: DateTime(timezone=True),
        float: DOUBLE_PRECISION,
        dict[str, Any]: JSONB,
    }
