"""Parameters of a model family from configuration: unknown names and wrong types are errors."""

from dataclasses import fields
from typing import Any, TypeVar, get_type_hints

from include.errors import ConfigError

Parameters = TypeVar("Parameters")


def parse(kind: type[Parameters], given: dict[str, Any]) -> Parameters:
    """Build a family's parameters.

    Raises:
        ConfigError: A name is unknown or a value has the wrong type; the text lists the names.
    """
    types = get_type_hints(kind)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    if unknown := sorted(set(given) - set(names)):
        raise ConfigError(
            f"{', '.join(unknown)} is no parameter of this family; there are {', '.join(names)}"
        )
    for name, value in given.items():
        expected = (int, float) if types[name] is float else types[name]
        if not isinstance(value, expected) or isinstance(value, bool) != (types[name] is bool):
            raise ConfigError(f"{name} must be of type {types[name].__name__}, got {value!r}")
    return kind(**given)
