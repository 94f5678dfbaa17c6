"""The page of stage parameters, from each stage's ``Params``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.generate import text
from pipeline.core.stage import load
from pipeline.core.topology import Topology

ROOT = Path(__file__).parents[2]


def page() -> str:
    """Return the page."""
    lines = text.heading(
        "Stage parameters",
        "A parameter is set for one upload (`videodrop add --option detect-confidence=0.4`),\n"
        "for a replay (`videodrop replay --set detect-confidence=0.4`),\n"
        "for one run (`videodrop run detect … --param confidence=0.4`),\n"
        "or for the installation (`VIDEODROP_PARAMS__DETECT__CONFIDENCE=0.4`).\n"
        "The fingerprint of a result covers all of them. A changed default makes another result.",
    )
    for stage, spec in Topology.read().stages.items():
        file = spec.module.replace(".", "/") + ".py"
        lines += [f"## {stage}", "", f"The fields are in [`{file}`](../../{file}).", ""]
        schema = load(spec.module).Params.model_json_schema()
        lines += text.table(["Parameter", "Type", "Default", "Meaning"], _rows(schema))
    return text.page(lines)


def _rows(schema: dict[str, Any]) -> Iterator[list[str]]:
    for name, field in schema["properties"].items():
        kind = _type(field, schema.get("$defs", {}))
        default = field.get("default")
        shown = "" if default is None else text.code(str(default))
        yield [text.code(name), kind, shown, text.cell(field.get("description", ""))]


def _type(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Return a JSON Schema type with its limits, in words."""
    if "anyOf" in field:
        options = [one for one in field["anyOf"] if one.get("type") != "null"]
        return " or ".join(_type(one, definitions) for one in options)
    if "$ref" in field:
        return _type(definitions[field["$ref"].rpartition("/")[2]], definitions)
    if "enum" in field:
        return ", ".join(text.code(one) for one in field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}), definitions)}"
    low, high = field.get("minimum"), field.get("maximum")
    limits = f", {low:g} to {high:g}" if low is not None and high is not None else ""
    if low is not None and high is None:
        limits = f", from {low:g}"
    return f"{field.get('type', 'any')}{limits}"
