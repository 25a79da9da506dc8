"""The base of every value that crosses a boundary: a workflow's history, the database, the wire."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Value(BaseModel):
    """An immutable value.

    Unknown fields are ignored on reading, so an older worker still reads a newer history; give every field
    that is added later a default, so a newer worker still reads an older one.
    """

    model_config = ConfigDict(frozen=True)


class CamelValue(Value):
    """A value whose JSON keys are camelCase because existing web clients read them so."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)
