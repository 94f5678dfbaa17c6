"""The page of the API, from its OpenAPI document."""

from collections.abc import Iterator
from typing import Any

from docs.generate import calls, schema, text
from docs.generate.document import api_document

_METHODS = ("get", "post", "put", "patch", "delete")


def page() -> str:
    """Return the page."""
    document = api_document()
    lines = text.heading(
        "API",
        "The query API answers JSON. A running installation has the OpenAPI document at "
        "`/openapi.json` and a\npage that tries it at `/docs`. Errors are "
        "`application/problem+json` (RFC 9457); [errors](errors.md) lists\ntheir codes.\n"
        "Each call is shown with curl, where `$API` is the address of the API, and with the\n"
        "[Python client](../how-to/api.md).",
    )
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                lines += _operation(f"{method.upper()} {path}", methods[method])
                lines += ["```sh", calls.curl(method, path, methods[method]), "```", ""]
                lines += ["```python", calls.python(methods[method]), "```", ""]
    lines += ["## Objects", ""]
    definitions = document["components"]["schemas"]
    for name, found in sorted(definitions.items()):
        lines += [f"### {name}", ""]
        if said := text.first_sentence(found.get("description")):
            lines += [said, ""]
        if "properties" in found:
            flat = {key: _flat(one) for key, one in found["properties"].items()}
            rows = schema.fields(found | {"properties": flat}, {})
            lines += text.table(schema.FIELD, rows)
    return text.page(lines)


def _flat(field: dict[str, Any]) -> dict[str, Any]:
    """Return a field whose object is named and not shown, for it has a section of its own."""
    if "$ref" not in field:
        return field
    return {key: value for key, value in field.items() if key != "$ref"} | {
        "oneOf": [{"$ref": field["$ref"]}]
    }


def _operation(title: str, operation: dict[str, Any]) -> list[str]:
    lines = [f"## {title}", "", f"{operation['summary']}.", ""]
    if said := operation.get("description"):
        lines += [text.first_sentence(said), ""]
    if rows := list(_parameters(operation)):
        lines += text.table(["Parameter", "In", "Type", "Required", "Default", "Meaning"], rows)
    if body := operation.get("requestBody"):
        lines += [f"Body: {_content(body)}.", ""]
    answers = (
        [status, _content(answer)] for status, answer in sorted(operation["responses"].items())
    )
    return [*lines, *text.table(["Status", "Body"], answers)]


def _parameters(operation: dict[str, Any]) -> Iterator[list[str]]:
    for one in operation.get("parameters", ()):
        found = one["schema"]
        yield [
            text.code(one["name"]),
            one["in"],
            schema.kind(found),
            "yes" if one.get("required") else "no",
            schema.default(found),
            schema.meaning(found),
        ]


def _content(answer: dict[str, Any]) -> str:
    said = []
    for media, content in answer.get("content", {}).items():
        found = content.get("schema", {})
        problem = "problem" in media
        said.append(_body(found) if problem else f"{_body(found)} ({media})")
    return ", ".join(said)


def _body(found: dict[str, Any]) -> str:
    return schema.kind(found) if found else "any"
