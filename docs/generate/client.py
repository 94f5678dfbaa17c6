"""The Python client's operations and models, from the OpenAPI document: two files for each tag."""

import keyword
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from docs.generate import models
from docs.generate.document import api_document
from pipeline.api import openapi

Schema = dict[str, Any]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "pipeline" / "api" / "client"
_CONFIG = ROOT / "pyproject.toml"


def files() -> dict[Path, str]:
    """Return the text of each generated file."""
    document = api_document()
    schemas = document["components"]["schemas"]
    owners = models.owners(document)
    tags = [tag["name"] for tag in document["tags"] if tag["name"] in _used(document)]
    found = {}
    for tag in tags:
        if mine := sorted(name for name, owner in owners.items() if owner == tag):
            found[FOLDER / "models" / f"{tag}.py"] = models.models(tag, mine, owners, schemas)
        found[FOLDER / "operations" / f"{tag}.py"] = _operations(tag, document, owners)
    found[FOLDER / "models" / "__init__.py"] = models.all_models(owners)
    found[FOLDER / "operations" / "__init__.py"] = _all_operations(tags)
    return _formatted(found)


def _formatted(found: Mapping[Path, str]) -> dict[Path, str]:
    """Return the texts with sorted imports and broken lines, as ruff does it in a copy."""
    with TemporaryDirectory() as folder:
        copies = {path: Path(folder) / path.relative_to(ROOT) for path in found}
        for path, copy in copies.items():
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(found[path])
        ours = "--config=lint.isort.known-first-party=['pipeline']"
        for command in (["check", "--fix", "--select=I,F401", ours], ["format"]):
            subprocess.run(  # noqa: S603 - the linter of this project
                [sys.executable, "-m", "ruff", *command, "--quiet", f"--config={_CONFIG}", "."],
                check=True,
                cwd=folder,
            )
        return {path: copy.read_text() for path, copy in copies.items()}


def _used(document: Schema) -> set[str]:
    return {operation["tags"][0] for _, _, operation in openapi.operations(document)}


def _operations(tag: str, document: Schema, owners: dict[str, str]) -> str:
    lines = [
        f'"""Operations of {tag}. {models.NOTICE}"""',
        "from collections.abc import AsyncIterator, Iterator",
        "from datetime import datetime",
        "from typing import Any, Literal",
        "from pipeline.api.client.call import Call",
        "from pipeline.api.client.server_sent import Event",
        "from pipeline.api.client.transport import AsyncTransport, Transport",
    ]
    mine = [one for one in openapi.operations(document) if one[2]["tags"][0] == tag]
    used = {
        name for _, _, one in mine for name in models.references(models.answer_schema(one) or {})
    }
    body: list[str] = []
    for prefix, base in (("", "Transport"), ("Async", "AsyncTransport")):
        body += ["", "", f"class {_class(prefix, tag)}({base}):"]
        body += [f'    """Operations of {tag}."""']
        for method, path, operation in mine:
            for one in _methods(method, path, operation, document):
                body += ["", *(f"    {line}" for line in (_async(one) if prefix else one))]
    given = [one for _, _, each in mine for one in _body(each, document)]
    used |= {name for _, one, _ in given for name in models.references(one)}
    return "\n".join([*lines, *models.imports(used, owners), *body]) + "\n"


def _async(lines: list[str]) -> list[str]:
    """Return the lines of a method as those of a coroutine."""
    text = "\n".join(lines)
    if "-> Iterator" in text:
        return text.replace("-> Iterator", "-> AsyncIterator").split("\n")
    text = text.replace("def ", "async def ", 1).replace("return self.", "return await self.")
    return text.replace("\n    self._send", "\n    await self._send").split("\n")


def _methods(method: str, path: str, operation: Schema, document: Schema) -> Iterator[list[str]]:
    """Yield the lines of an operation's method; a second one gets forms that are not JSON."""
    forms = models.parameters(operation).get("format")
    content = models.good_content(operation)
    kind = models.python_type(answer) if (answer := models.answer_schema(operation)) else "str"
    if "text/event-stream" in content:
        kind = "Iterator[Event]"
    elif not content and "204" in operation["responses"]:
        kind = "None"
    yield _method(method, path, operation, document, kind)
    if forms and len(content) > 1:
        others = [one for one in forms["schema"]["enum"] if one != forms["schema"].get("default")]
        schema = {**forms, "required": True, "schema": {"enum": others}}
        rest = [one for one in operation["parameters"] if one["name"] != "format"]
        other = operation | {
            "operationId": f"{operation['operationId']}_as",
            "summary": f"{operation['summary']} in another format",
            "parameters": [*rest, schema],
        }
        yield _method(method, path, other, document, "str")


def _method(method: str, path: str, operation: Schema, document: Schema, kind: str) -> list[str]:
    given = models.parameters(operation)
    if kind != "str":
        given.pop("format", None)
    body = list(_body(operation, document))
    names = {name for name, _, _ in body}
    query = [one for one in given.values() if one["in"] == "query" and one["name"] not in names]
    head = [one for one in given.values() if one["in"] == "header"]
    inside = sorted(
        (one for one in given.values() if one["in"] == "path"),
        key=lambda one: path.index(f"{{{one['name']}}}"),
    )
    signature = ["self"]
    signature += [f"{one['name']}: {models.python_type(one['schema'])}" for one in inside]
    rest = [(one["name"], one["schema"], one.get("required", False)) for one in [*query, *head]]
    if every := sorted([*body, *rest], key=lambda one: not one[2]):
        signature += ["*", *(_argument(*one) for one in every)]
    call = [f'"{method.upper()}"', f'"{path}"']
    for word, parts in (
        ("path", [one["name"] for one in inside]),
        ("query", [one["name"] for one in query]),
        ("headers", [one["name"] for one in head]),
        ("body", [name for name, _, _ in body]),
    ):
        if parts:
            call.append(f"{word}={{{', '.join(f'{one!r}: {_safe(one)}' for one in parts)}}}")
    made = f"Call({', '.join(call)})"
    if kind == "None":
        end = f"    self._send({made}, type(None))"
    elif kind.startswith("Iterator"):
        end = f"    return self._events({made})"
    else:
        end = f"    return self._send({made}, {kind})"
    return [
        f"def {operation['operationId']}({', '.join(signature)}) -> {kind}:",
        f'    """{operation["summary"]}."""',
        end,
    ]


def _body(operation: Schema, document: Schema) -> Iterator[tuple[str, Schema, bool]]:
    """Yield the fields of an operation's JSON body."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    for name in list(models.references(content.get("schema", {})))[:1]:
        yield from models.fields(document["components"]["schemas"][name])


def _argument(name: str, schema: Schema, required: bool) -> str:  # noqa: FBT001 - as `_field`
    kind = models.python_type(schema)
    if required:
        return f"{_safe(name)}: {kind}"
    return f"{_safe(name)}: {kind if 'None' in kind.split(' | ') else f'{kind} | None'} = None"


def _safe(name: str) -> str:
    plain = name.lower().replace("-", "_")
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def _class(prefix: str, tag: str) -> str:
    return f"{prefix}{tag.capitalize()}Operations"


def _all_operations(tags: list[str]) -> str:
    lines = [f'"""All operations. {models.NOTICE}"""']
    for tag in tags:
        both = f"{_class('Async', tag)}, {_class('', tag)}"
        lines.append(f"from pipeline.api.client.operations.{tag} import {both}")
    for prefix, said in (("", "by blocking calls"), ("Async", "by coroutines")):
        bases = ", ".join(_class(prefix, tag) for tag in tags)
        lines += ["", "", f"class {prefix}Operations({bases}):"]
        lines += [f'    """Every operation of the API, {said}."""']
    return "\n".join(lines) + "\n"
