"""Each operation of the API as a command of curl and as a call of the Python client."""

import json
from typing import Any
from urllib.parse import quote, urlencode

from docs.generate import models

Schema = dict[str, Any]

_ALWAYS = {"q"}  # a search needs words or a label
_LONGEST = 100  # characters of a line


def curl(method: str, path: str, operation: Schema) -> str:
    """Return the command; ``$API`` is the address of the API."""
    given = _arguments(operation, "path")
    for name, value in given.items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe="/"))
    if query := _arguments(operation, "query"):
        path += f"?{urlencode(query)}"
    words = ["curl", "-sSN" if _is_stream(operation) else "-sS"]
    if method not in {"get", "post"} or (method == "post" and "requestBody" not in operation):
        words += ["-X", method.upper()]
    words.append(f'"$API{path}"')
    if body := _body(operation):
        words.append(f"--json '{json.dumps(body, ensure_ascii=False)}'")
    elif "requestBody" in operation:
        words.append("--json '{}'")
    return " ".join(words)


def python(operation: Schema) -> str:
    """Return the call, with lines broken as this project's formatter does; ``api`` is a client."""
    words = [literal(value) for value in _arguments(operation, "path").values()]
    named = _arguments(operation, "query") | _body(operation)
    words += [f"{name}={literal(value)}" for name, value in named.items()]
    name, given = f"api.{operation['operationId']}", ", ".join(words)
    if len(f"{name}({given})") <= _LONGEST:
        return f"{name}({given})"
    lines = [given] if len(f"    {given}") <= _LONGEST else [f"{word}," for word in words]
    return "\n".join([f"{name}(", *(f"    {line}" for line in lines), ")"])


def literal(value: Any) -> str:
    """Return a value as Python, with the quotes of this project's formatter."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{literal(key)}: {literal(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, str) and '"' not in value:
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def _is_stream(operation: Schema) -> bool:
    return "text/event-stream" in models.good_content(operation)


def _arguments(operation: Schema, where: str) -> dict[str, Any]:
    """Return examples of the required parameters in the path or in the query, and of words."""
    return {
        name: (one["schema"].get("examples") or one["schema"].get("enum") or ["x"])[0]
        for name, one in models.parameters(operation).items()
        if one["in"] == where and (one.get("required") or name in _ALWAYS)
    }


def _body(operation: Schema) -> Schema:
    """Return the first example of a body."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        shown = content.get("examples") or {"one": {"value": content.get("example") or {}}}
        found: Schema = next(iter(shown.values()))["value"]
        return found
    return {}
