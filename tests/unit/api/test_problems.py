import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from fastapi import FastAPI, HTTPException

from pipeline.api import problems
from pipeline.core.errors import BadInput, Bug, DependencyFailed, VideodropError
from tests.fakes.query import START, Client, FakeCatalog, client, upload, video

PRIVATE = "arn:aws:dynamodb:secret"


def problem(answer):
    """Return the problem of an answer, checked against RFC 9457 and this API's own rules."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:videodrop:problem:{body['code']}"
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == answer.request.url.raw_path.decode().partition("?")[0]
    return body


def test_an_unknown_route_is_a_problem():
    assert problem(client().get("/nothing/here"))["code"] == "unknown_route"
    assert problem(client().get("/web/nothing.js"))["status"] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/videos", "/videos/00000000000000000000/versions", "/health"])
def test_nothing_can_be_written_there(method, path):
    answer = client().request(method, path)
    assert problem(answer)["code"] == "method_not_allowed"
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("status=deleted", "status"),
        ("label=", "label"),
        ("uploaded_after=yesterday", "uploaded_after"),
        ("uploaded_after=0.5", "uploaded_after"),
        ("uploaded_before=1767225600", "uploaded_before"),
        ("uploaded_before=2026-01-01T00:00:00", "uploaded_before"),
    ],
)
def test_an_invalid_query_says_which_parameter(query, name):
    found = problem(client().get(f"/videos?{query}"))
    assert found["code"] == "invalid_request"
    assert [(one["in"], one["name"]) for one in found["errors"]] == [("query", name)]


def test_what_was_sent_does_not_come_back_in_a_validation_problem():
    assert "<script>" not in client().get("/videos?limit=<script>").text


def test_a_forged_cursor_is_a_problem():
    assert problem(client().get("/videos?cursor=forged"))["code"] == "invalid_cursor"


@pytest.mark.parametrize("vid", ["0" * 20, "x", "%23months", "A" * 20, "0" * 3000, "é"])
def test_an_unknown_video_is_not_found_whatever_it_is_called(vid):
    assert problem(client().get(f"/videos/{vid}"))["code"] == "unknown_video"


def test_an_id_longer_than_the_table_allows_is_invalid():
    found = problem(client().get(f"/webhooks/{'a' * 1025}/deliveries"))
    assert [(one["in"], one["name"]) for one in found["errors"]] == [("path", "webhook_id")]


def test_a_list_of_events_has_a_length():
    given = {"url": "https://example.com", "events": ["video.ready"] * 21}
    found = problem(client().request("POST", "/webhooks", json=given))
    assert [(one["in"], one["name"]) for one in found["errors"]] == [("body", "events")]


def test_an_id_of_another_shape_never_reaches_the_table():
    catalog = FakeCatalog()
    catalog.error = AssertionError("was asked")
    assert client(catalog=catalog).get("/videos/%23months").status_code == 404


@pytest.mark.parametrize("path", ["", "/transcript", "/detections"])
def test_a_deleted_video_is_gone(path):
    source = upload()
    api = client(video(source, deleted_at=START))
    assert problem(api.get(f"/videos/{source.video_id}{path}"))["code"] == "video_deleted"


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "Throttling", "Message": PRIVATE}}, "BatchGetItem"),
        ConnectTimeoutError(endpoint_url=f"https://{PRIVATE}"),
        DependencyFailed("aws_error", PRIVATE),
    ],
)
@pytest.mark.parametrize("path", [f"/videos/{'0' * 20}", "/health"])
def test_an_unreachable_service_is_a_503_that_says_when_to_come_back(error, path):
    catalog = FakeCatalog()
    catalog.error = error
    answer = client(catalog=catalog).get(path)
    assert problem(answer)["code"] == "service_unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    assert PRIVATE not in answer.text


@pytest.mark.parametrize("error", [RuntimeError(PRIVATE), KeyError(PRIVATE), Bug("x", PRIVATE)])
def test_an_unforeseen_error_tells_nothing_but_the_log(error, caplog):
    catalog = FakeCatalog()
    catalog.error = error
    answer = client(catalog=catalog).get(f"/videos/{'0' * 20}")
    assert problem(answer)["code"] == "unexpected"
    assert PRIVATE not in answer.text
    assert PRIVATE in caplog.text


def test_a_request_rejected_by_the_library_is_a_problem():
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def reject() -> None:
        raise BadInput("bad_thing", "That is wrong.")

    found = Client(app).get("/").json()
    assert (found["status"], found["code"], found["detail"]) == (422, "bad_thing", "That is wrong.")


def test_what_the_framework_rejects_is_a_problem():
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def reject() -> None:
        raise HTTPException(413, "The body is too large.", headers={"Connection": "close"})

    answer = Client(app).get("/")
    assert problem(answer)["code"] == "http_error"
    assert answer.json()["detail"] == "The body is too large."
    assert answer.headers["Connection"] == "close"


OF_DELETED = {("delete", "/videos/{video_id}"), ("post", "/videos/{video_id}/restore")}


def test_every_route_documents_its_problems():
    document = client().get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            answers = route["responses"]
            assert "503" in answers, path
            if "{video_id}" in path:
                wanted = {"404"} if (method, path) in OF_DELETED else {"404", "410"}
                assert wanted <= set(answers), path
            if "{replay_id}" in path:
                assert "404" in answers, path
                assert (method == "post") == ("409" in answers), path
            for status, answer in answers.items():
                if not status.startswith("2"):
                    assert list(answer["content"]) == ["application/problem+json"], (path, status)


def test_only_what_is_meant_to_write_does():
    document = client().get("/openapi.json").json()
    writing = {
        f"{method} {path}"
        for path, methods in document["paths"].items()
        for method in methods
        if method != "get"
    }
    assert writing == {
        "post /uploads",
        "post /uploads/{upload_id}/complete",
        "delete /uploads/{upload_id}",
        "post /webhooks",
        "post /webhooks/{webhook_id}/enable",
        "post /webhooks/{webhook_id}/rotate",
        "post /webhooks/{webhook_id}/test",
        "post /webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
        "delete /webhooks/{webhook_id}",
        "post /replays",
        "post /replays/{replay_id}/pause",
        "post /replays/{replay_id}/resume",
        "post /replays/{replay_id}/cancel",
        "delete /videos/{video_id}",
        "post /videos/{video_id}/restore",
        "post /videos/{video_id}/replays",
        "post /videos/{video_id}/retry",
        "post /queues/{stage}/{lane}/pause",
        "post /queues/{stage}/{lane}/resume",
        "post /videos/{video_id}/versions/{stage}/rollback",
        "post /videos/{video_id}/versions/{stage}/{fingerprint}/promote",
    }


def test_every_failure_of_the_library_has_an_answer():
    for error in VideodropError.__subclasses__():
        catalog = FakeCatalog()
        catalog.error = error("some_code", "Some message.")
        assert problem(client(catalog=catalog).get(f"/videos/{'0' * 20}"))["status"] >= 422
