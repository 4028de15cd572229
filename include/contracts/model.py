"""What a contract is: a table, its grain, its columns with type, unit and meaning, its key."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.schema import Schema
    from pyspark.sql.types import StructType

Type = Literal["string", "long", "int", "double", "boolean", "timestamp", "date", "strings"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column. `minimum` and `maximum` are hard bounds; softer ones are in `quality/`."""

    name: str
    type: Type
    description: str
    unit: str = ""
    source: str = ""
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    """The values there can be; empty: any."""
    before: int | None = None
    """What it is in rows that were written before the column existed; None: null."""
    version: int = 1
    """Raised whenever the column comes to say something else by the same name: a model that learned
    what it said before refuses it."""
    rules: str = ""
    """What of the configuration it follows from; empty: nothing."""

    @property
    def definition(self) -> str:
        """What must be the same for a model to go by it: type, version and rules."""
        return f"{self.type}, version {self.version}" + (f", {self.rules}" if self.rules else "")


@dataclass(frozen=True, kw_only=True)
class Table:
    """One lake table. Schemas, expectations and the data dictionary are derived from it."""

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """Columns that name a row within its partition; empty: rows have no name."""
    partition: str
    """The date column that a partition holds one value of."""
    is_shuffled: bool = False
    """Whether rows lie in an order that says nothing but is the same in each run: a fit goes by it.
    Of other tables, nothing depends on the order of rows."""

    def column(self, name: str) -> Column:
        """The column called `name`.

        Raises:
            KeyError: There is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def spark_schema(self) -> "StructType":
        """The schema for Spark. All fields are nullable: Spark doesn't enforce the rest."""
        from pyspark.sql import types as t

        kinds: dict[Type, t.DataType] = {
            "string": t.StringType(),
            "long": t.LongType(),
            "int": t.IntegerType(),
            "double": t.DoubleType(),
            "boolean": t.BooleanType(),
            "timestamp": t.TimestampType(),
            "date": t.DateType(),
            "strings": t.ArrayType(t.StringType()),
        }
        return t.StructType([t.StructField(c.name, kinds[c.type]) for c in self.columns])

    def arrow_schema(self) -> "pa.Schema":
        """The schema for Arrow; timestamps are microseconds in UTC."""
        import pyarrow as pa

        kinds: dict[Type, pa.DataType] = {
            "string": pa.string(),
            "long": pa.int64(),
            "int": pa.int32(),
            "double": pa.float64(),
            "boolean": pa.bool_(),
            "timestamp": pa.timestamp("us", tz="UTC"),
            "date": pa.date32(),
            "strings": pa.list_(pa.string()),
        }
        return pa.schema([pa.field(c.name, kinds[c.type]) for c in self.columns])

    def iceberg_schema(self) -> "Schema":
        """The schema for Iceberg. Fields are optional, because the files that Spark writes are."""
        from pyiceberg import types as t
        from pyiceberg.schema import Schema

        kinds: dict[Type, t.IcebergType] = {
            "string": t.StringType(),
            "long": t.LongType(),
            "int": t.IntegerType(),
            "double": t.DoubleType(),
            "boolean": t.BooleanType(),
            "timestamp": t.TimestamptzType(),
            "date": t.DateType(),
        }
        fields = []
        for number, column in enumerate(self.columns, start=1):
            kind = (
                # Element ids follow the fields' own, so that a new column at the end keeps them.
                t.ListType(
                    element_id=10_000 + number,
                    element_type=t.StringType(),
                    element_required=False,
                )
                if column.type == "strings"
                else kinds[column.type]
            )
            fields.append(
                t.NestedField(number, column.name, kind, required=False, doc=column.description)
            )
        return Schema(*fields)
