"""Rows of tables from JSON Schema, as pydantic and OpenAPI write it."""

import json
from collections.abc import Iterator
from typing import Any

from docs.generate import text

Schema = dict[str, Any]

FIELD = ["Field", "Type", "Required", "Default", "Meaning"]


def fields(schema: Schema, definitions: Schema, prefix: str = "") -> Iterator[list[str]]:
    """Yield a row for each field of an object, and for the fields of objects within it."""
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield [
            text.code(path),
            kind(field),
            "yes" if name in required else "no",
            default(field),
            meaning(field),
        ]
        if reference := field.get("$ref"):
            yield from fields(definitions[reference.rsplit("/", 1)[-1]], definitions, f"{path}.")


def kind(schema: Schema) -> str:
    """Return a type in words."""
    if reference := schema.get("$ref"):
        name = reference.rsplit("/", 1)[-1]
        return "object" if name.startswith("_") else text.code(name)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(kind(one) for one in choices))
    if values := schema.get("enum"):
        return ", ".join(text.code(one) for one in values)
    if "const" in schema:
        return text.code(schema["const"])
    found = str(schema.get("type", "any"))
    if found == "array":
        return f"list of {kind(schema.get('items', {}))}"
    if found == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {kind(schema['additionalProperties'])}"
    if found == "string" and "format" in schema:
        return str(schema["format"])
    return found


def default(schema: Schema) -> str:
    """Return the default as JSON, or nothing where there is none."""
    found = schema.get("default")
    return "" if found is None else text.code(json.dumps(found, ensure_ascii=False))


def meaning(schema: Schema) -> str:
    """Return the description with the bounds of the value."""
    bounds = []
    for one in [schema, *schema.get("anyOf", [])]:
        for key, word in (
            ("minimum", "at least"),
            ("maximum", "at most"),
            ("exclusiveMinimum", "more than"),
            ("minLength", "length at least"),
            ("maxLength", "length at most"),
        ):
            if key in one:
                bounds.append(f"{word} {one[key]:g}")
    said = text.first_sentence(schema.get("description"))
    return " ".join(filter(None, [said, f"({', '.join(bounds)})" if bounds else ""]))
