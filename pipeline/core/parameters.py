"""The parameters of a stage in words, for people and for programs."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, JsonValue


class Parameter(BaseModel):
    """A parameter of a stage."""

    name: str = Field(examples=["confidence"])
    type: str = Field(description="Its type and its limits", examples=["number, 0 to 1"])
    default: JsonValue = Field(examples=[0.25])
    value: JsonValue = Field(description="That of this installation", examples=[0.25])
    description: str = Field(examples=["Detections below it are left out"])


def of(params: type[BaseModel], overrides: Mapping[str, Any] | None = None) -> list[Parameter]:
    """Return the parameters of a stage.

    Args:
        params: the stage's ``Params``.
        overrides: the operator's values, by name.
    """
    schema = params.model_json_schema()
    given = overrides or {}
    return [
        Parameter(
            name=name,
            type=_type(field, schema.get("$defs", {})),
            default=field.get("default"),
            value=given.get(name, field.get("default")),
            description=field.get("description", ""),
        )
        for name, field in schema["properties"].items()
    ]


def _type(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Return a JSON Schema type with its limits, in words."""
    if "anyOf" in field:
        options = [one for one in field["anyOf"] if one.get("type") != "null"]
        return " or ".join(_type(one, definitions) for one in options)
    if "$ref" in field:
        return _type(definitions[field["$ref"].rpartition("/")[2]], definitions)
    if "enum" in field:
        return ", ".join(map(str, field["enum"]))
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}), definitions)}"
    low, high = field.get("minimum"), field.get("maximum")
    limits = f", {low:g} to {high:g}" if low is not None and high is not None else ""
    if low is not None and high is None:
        limits = f", from {low:g}"
    return f"{field.get('type', 'any')}{limits}"
