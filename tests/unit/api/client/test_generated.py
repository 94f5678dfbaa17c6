"""The client has the operations and the models that ``/openapi.json`` has."""

import asyncio
import inspect
import json
import re
import subprocess
import sys
from typing import Any
from urllib.parse import parse_qsl

import httpx
import jsonschema
import pytest

from docs.generate import client, models
from pipeline.api import openapi
from pipeline.api.client import AsyncClient, Client
from tests.fakes.query import app

DOCUMENT = app().openapi()
OPERATIONS = [
    pytest.param(method, path, operation, id=operation["operationId"])
    for method, path, operation in openapi.operations(DOCUMENT)
]


def test_the_generated_files_are_as_the_document_has_them():
    for path, text in client.files().items():
        assert path.is_file(), "run `make docs`"
        assert path.read_text() == text, f"{path.name} is old: run `make docs`"


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_operation_has_a_method_of_both_clients(method, path, operation):
    name = operation["operationId"]
    sync, asynchronous = getattr(Client, name, None), getattr(AsyncClient, name, None)
    assert sync, f"{method} {path} has no method: run `make docs`"
    assert inspect.signature(sync).parameters == inspect.signature(asynchronous).parameters


def example_of(one: dict[str, Any]) -> Any:
    """Return an example of a parameter."""
    schema = one["schema"]
    return (schema.get("examples") or schema.get("enum") or ["1"])[0]


class Server:
    """A server that checks each request by the document, and answers with its example."""

    def __init__(self, method: str, path: str, operation: dict[str, Any]) -> None:
        self.method, self.path, self.operation = method, path, operation
        self.known = models.parameters(operation)
        ((status, answer),) = [
            one for one in operation["responses"].items() if one[0].startswith("2")
        ]
        self.status = int(status)
        content = answer.get("content", {})
        forms = ["application/json"] if models.answer_schema(operation) else list(content)
        media_type = (forms or [""])[-1]
        self.example = content.get(media_type, {}).get("example", "")
        self.headers = {"Content-Type": media_type} if media_type else {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        assert request.method.lower() == self.method
        pattern = re.sub(r"\{[^}]+\}", ".+", self.path.replace(".", r"\."))
        assert re.fullmatch(f"/prefix{pattern}", request.url.path), request.url.path
        query = {name for name, _ in parse_qsl(request.url.query.decode())}
        assert query <= {name for name, one in self.known.items() if one["in"] == "query"}
        assert request.headers["Authorization"] == "Bearer token"
        if body := self.operation.get("requestBody"):
            schema = body["content"]["application/json"]["schema"]
            whole = schema | {"components": DOCUMENT["components"]}
            jsonschema.validate(json.loads(request.content), whole)
        text = self.example if isinstance(self.example, str) else json.dumps(self.example)
        return httpx.Response(self.status, text=text, headers=self.headers)


def arguments(server: Server) -> dict[str, Any]:
    """Return examples of the required arguments of an operation's method."""
    given = {
        name: example_of(one)
        for name, one in server.known.items()
        if one["in"] == "path" or one.get("required")
    }
    for content in server.operation.get("requestBody", {}).get("content", {}).values():
        shown = content.get("examples", {"one": {"value": content.get("example")}})
        given |= next(iter(shown.values()))["value"]
    return given


def plain(found: Any) -> Any:
    return found.model_dump(mode="json", by_alias=True) if hasattr(found, "model_dump") else found


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_a_method_sends_what_the_document_says_and_reads_its_example(method, path, operation):
    if "text/event-stream" in models.good_content(operation):
        pytest.skip("streams are read by test_client")
    server = Server(method, path, operation)
    transport = httpx.MockTransport(server.answer)
    url, name, token = "http://api/prefix/", operation["operationId"], "token"
    with Client(url, token=token, http=httpx.Client(transport=transport)) as api:
        found = plain(getattr(api, name)(**arguments(server)))

    async def ask() -> Any:
        http = httpx.AsyncClient(transport=transport)
        async with AsyncClient(url, token=token, http=http) as other:
            return plain(await getattr(other, name)(**arguments(server)))

    assert asyncio.run(ask()) == found
    expected = None if server.status == 204 else server.example
    assert found == expected


def test_the_client_imports_neither_aws_nor_the_pipeline():
    code = (
        "import sys, pipeline.api.client; print([name for name in sys.modules if name in "
        "('boto3', 'botocore', 'fastapi', 'pipeline.core', 'pipeline.aws')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
