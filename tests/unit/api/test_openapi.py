"""The description of each route, from which clients are generated."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import openapi_spec_validator
import pytest

from pipeline.api import examples, openapi
from tests.fakes.query import app

DOCUMENT = app().openapi()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = [
    pytest.param(path, operation, id=f"{method.upper()} {path}")
    for method, path, operation in openapi.operations(DOCUMENT)
]


def texts(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each text of an example, with the names of its fields."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from texts(one, f"{place}.{key}")
    elif isinstance(value, list):
        for one in value:
            yield from texts(one, place)
    else:
        yield place.lstrip("."), value


def bodies(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield status, media type and content of each answer of an operation."""
    for status, answer in operation["responses"].items():
        for media_type, content in answer.get("content", {}).items():
            yield status, media_type, content


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_an_operation_has_a_short_id_a_tag_and_a_summary(path, operation):
    assert re.fullmatch(r"[a-z]+(_[a-z]+){0,3}", operation["operationId"]), (
        f"name the function of {path} by a verb and its object, as in list_videos"
    )
    assert len(operation["operationId"]) <= 24, operation["operationId"]
    known = [tag["name"] for tag in openapi.TAGS]
    assert len(operation.get("tags", ())) == 1, f"give the router of {path} one tag"
    assert set(operation["tags"]) <= set(known), f"describe the tag of {path} in openapi.TAGS"
    assert operation["summary"][0].isupper(), f"give {path} a summary"


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_json_is_the_first_form_of_an_answer(path, operation):
    for status, answer in operation["responses"].items():
        forms = list(answer.get("content", {}))
        assert "application/json" not in forms[1:], (path, status)


def test_ids_of_operations_are_unique():
    ids = [operation["operationId"] for _, _, operation in openapi.operations(DOCUMENT)]
    assert sorted(ids) == sorted(set(ids))


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_answer_has_an_example_that_is_valid(path, operation):
    for status, media_type, content in bodies(operation):
        assert "example" in content, f"give {path} an example of {media_type}, status {status}"
        schema = content["schema"] | {"components": DOCUMENT["components"]}
        jsonschema.validate(content["example"], schema)
        for place, text in texts(content["example"]):
            assert text != examples.MISSING, (
                f"the field {place} of {path} has no example: give it `examples=[…]` where it is "
                "declared"
            )


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_body_and_part_of_a_path_has_an_example(path, operation):
    for one in operation.get("parameters", ()):
        if one["in"] == "path" and "enum" not in one["schema"]:
            assert one["schema"].get("examples"), f"give {one['name']} of {path} an example"
    for content in operation.get("requestBody", {}).get("content", {}).values():
        assert {"example", "examples"} & content.keys(), f"give the body of {path} an example"


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_failure_is_the_problem_of_the_components(path, operation):
    failures = [one for one in bodies(operation) if not one[0].startswith("2")]
    assert failures
    for _, media_type, content in failures:
        assert media_type == "application/problem+json"
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, path


def test_every_reference_leads_to_a_component():
    found = re.findall(r"'\$ref': '([^']+)'", str(DOCUMENT))
    assert {one for one in found if not one.startswith("#/components/schemas/")} == set()
    assert {one.rpartition("/")[2] for one in found} <= SCHEMAS.keys()
    assert {"Problem", "Transcript", "Chapters"} <= SCHEMAS.keys()


def test_the_document_names_its_servers_and_the_bearer_token():
    assert [one["url"] for one in DOCUMENT["servers"]] == ["/", "http://127.0.0.1:8080"]
    assert DOCUMENT["security"] == [{}, {"bearer": []}]
    assert DOCUMENT["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_the_document_is_valid_openapi():
    openapi_spec_validator.validate(DOCUMENT)


def test_a_field_without_an_example_is_found():
    schema = {"type": "object", "properties": {"odd": {"type": "string"}}}
    assert examples.compose(schema, {}) == {"odd": examples.MISSING}
