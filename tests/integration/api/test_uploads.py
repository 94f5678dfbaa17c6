"""Uploads in parts by the API, in two implementations of S3: resumed, completed, cancelled."""

import hashlib
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from pipeline import bootstrap
from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.core import content
from tests.conftest import make_table
from tests.fakes.query import Client

SIZE = 5 << 20  # S3's smallest part


@pytest.fixture(params=["moto", "ministack"])
def settings(request, config, monkeypatch):
    if request.param == "ministack":
        endpoint = request.getfixturevalue("ministack_endpoint")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        aws.client.cache_clear()
    make_table(config)
    aws.client("s3").create_bucket(Bucket=config.names.uploads_bucket)
    monkeypatch.setattr(content, "PART_BYTES", SIZE)
    return config


@pytest.fixture
def api(settings):
    return Client(create_app(settings=settings))


def begin(api, size=4, **given):
    answer = api.request("POST", "/uploads", json={"name": "a.mp4", "size": size, **given})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == answer.json()["links"]["self"]
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json()


def put(part, body):
    piece = body[part["start"] : part["start"] + part["size"]]
    return httpx.put(part["url"], content=piece, trust_env=False)


def kept(settings, key):
    return aws.client("s3").get_object(Bucket=settings.names.uploads_bucket, Key=key)


def code(answer):
    return answer.status_code, answer.json()["code"]


def test_a_file_is_sent_in_parts_resumed_and_equal(api, settings):
    body = bytes(range(256)) * (SIZE // 256) * 2 + b"more"
    new = begin(
        api,
        len(body),
        content_type="video/x",
        options={"stages": "detect", "detect-confidence": "0.4"},
        passthrough={"name": "Zoë", "n": [1]},
    )
    assert (new["state"], new["part_size"], new["part_count"]) == ("open", SIZE, 3)
    assert [part["size"] for part in new["parts"]] == [SIZE, SIZE, 4]
    signed = parse_qs(urlsplit(new["parts"][0]["url"]).query)
    assert "content-length" in signed["X-Amz-SignedHeaders"][0].split(";")
    assert signed["X-Amz-Expires"] == [str(settings.presign_s)]
    for part in (new["parts"][2], new["parts"][0]):
        assert put(part, body).status_code == 200
    early = api.request("POST", new["links"]["complete"])
    assert code(early) == (409, "upload_incomplete")
    assert "missing: 2." in early.json()["detail"]
    answer = api.get(new["links"]["self"])
    assert answer.headers["Cache-Control"] == "no-store"
    seen = answer.json()
    assert (seen["arrived"], [part["number"] for part in seen["parts"]]) == ([1, 3], [2])
    assert put(seen["parts"][0], body).status_code == 200
    for _ in range(2):
        done = api.request("POST", new["links"]["complete"]).json()
        assert (done["state"], done["already_there"], done["parts"]) == ("completed", False, [])
    found = kept(settings, new["key"])
    assert found["Body"].read() == body
    assert found["ContentType"] == "video/x"
    assert found["Metadata"] == {
        "videodrop-stages": "detect",
        "videodrop-detect-confidence": "0.4",
        "videodrop-passthrough": '{"name":"Zo\\u00eb","n":[1]}',
    }
    assert new["video_id"] == bootstrap.uploads(settings).video_id(new["key"])


def test_addresses_are_given_for_a_few_parts_until_they_have_arrived_whole(api, settings):
    new = begin(api, 20 * SIZE)
    assert [part["number"] for part in new["parts"]] == list(range(1, 17))
    s3, place = aws.client("s3"), {"Bucket": settings.names.uploads_bucket}
    (begun,) = s3.list_multipart_uploads(**place)["Uploads"]
    place |= {"Key": begun["Key"], "UploadId": begun["UploadId"]}
    s3.upload_part(**place, PartNumber=1, Body=b"less")
    seen = api.get(new["links"]["self"]).json()
    assert (seen["part_count"], seen["arrived"]) == (20, [])
    assert [part["number"] for part in seen["parts"]] == list(range(1, 17))


@pytest.mark.parametrize("body", [b"", b"film"])
def test_a_small_file_is_one_part_and_known_by_its_etag_afterwards(api, settings, tmp_path, body):
    new = begin(api, len(body))
    assert put(new["parts"][0], body).status_code == 200
    assert api.request("POST", new["links"]["complete"]).status_code == 200
    (tmp_path / "b.mp4").write_bytes(body)
    for etag in (
        hashlib.md5(body, usedforsecurity=False).hexdigest(),
        kept(settings, new["key"])["ETag"].strip('"'),
    ):
        again = begin(api, len(body), name="b.mp4", etag=etag)
        assert (again["state"], again["already_there"]) == ("completed", True)
        assert (again["video_id"], again["parts"]) == (new["video_id"], [])
    assert bootstrap.adder(settings).add(tmp_path / "b.mp4").video_id == new["video_id"]


def test_the_same_bytes_are_one_video_even_if_they_were_sent(api, settings):
    ids = []
    for name in ("a.mp4", "b.mp4"):
        new = begin(api, name=name)
        put(new["parts"][0], b"film")
        ids.append(api.request("POST", new["links"]["complete"]).json()["video_id"])
    assert ids[0] == ids[1]
    bucket = settings.names.uploads_bucket
    assert aws.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    assert not aws.client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_two_files_of_one_name_are_two_videos(api, settings):
    found = {}
    for body in (b"one1", b"two2"):
        new = begin(api)
        put(new["parts"][0], body)
        found[api.request("POST", new["links"]["complete"]).json()["key"]] = body
    assert len(found) == 2
    assert {key: kept(settings, key)["Body"].read() for key in found} == found


def test_an_idempotency_key_gives_the_same_upload(api, settings):
    first, second = (begin(api, idempotency_key="order 7") for _ in range(2))
    assert first["upload_id"] == second["upload_id"]
    answer = api.request(
        "POST", "/uploads", json={"name": "b", "size": 4, "idempotency_key": "order 7"}
    )
    assert code(answer) == (409, "idempotency_conflict")
    bucket = settings.names.uploads_bucket
    assert len(aws.client("s3").list_multipart_uploads(Bucket=bucket)["Uploads"]) == 1


def test_a_cancelled_upload_is_gone_and_a_completed_one_stays(api, settings):
    new = begin(api)
    put(new["parts"][0], b"film")
    assert api.request("DELETE", new["links"]["self"]).status_code == 204
    for answer in (api.get(new["links"]["self"]), api.request("POST", new["links"]["complete"])):
        assert code(answer) == (404, "unknown_upload")
    bucket = settings.names.uploads_bucket
    assert not aws.client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads")
    new = begin(api)
    put(new["parts"][0], b"film")
    api.request("POST", new["links"]["complete"])
    assert code(api.request("DELETE", new["links"]["self"])) == (409, "upload_completed")


def test_a_process_that_died_after_completing_is_not_noticed(api, monkeypatch):
    new = begin(api)
    put(new["parts"][0], b"film")
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.aws.catalog.pending.PendingUploads.end", lambda *_: None)
        api.request("POST", new["links"]["complete"])
    done = api.request("POST", new["links"]["complete"]).json()
    assert (done["state"], done["video_id"]) == ("completed", new["video_id"])


def test_captions_go_beside_the_video_that_has_the_bytes(api, settings):
    first = begin(api, name="talk.mp4")
    put(first["parts"][0], b"film")
    api.request("POST", first["links"]["complete"])
    second = begin(api, name="again.mp4")
    put(second["parts"][0], b"film")
    api.request("POST", second["links"]["complete"])
    captions = begin(api, name="again.de.srt", beside=second["upload_id"])
    assert captions["key"] == first["key"].replace("talk.mp4", "talk.de.srt")
    put(captions["parts"][0], b"1\n\n\n")
    assert not api.request("POST", captions["links"]["complete"]).json()["already_there"]
    assert kept(settings, captions["key"])["Body"].read() == b"1\n\n\n"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"name": "../a.mp4"}, (422, "bad_name")),
        ({"name": "x" * 256}, (422, "bad_name")),
        ({"name": ""}, (422, "bad_name")),
        ({"name": "a\x1b.mp4"}, (422, "invalid_request")),
        ({"name": ".a.mp4"}, (422, "not_a_video")),
        ({"name": "a.srt"}, (422, "bad_beside")),
        ({"name": "a.srt", "beside": "0" * 32}, (404, "unknown_upload")),
        ({"beside": "0" * 32}, (422, "bad_beside")),
        ({"size": 20 * 1024**3 + 1}, (422, "too_large")),
        ({"size": -1}, (422, "invalid_request")),
        ({"options": {"colour": "blue"}}, (422, "bad_option")),
        ({"options": {"detect-confidence": "much"}}, (422, "bad_option")),
        ({"options": {"language": "d\r\nx: y"}}, (422, "bad_option")),
        ({"options": {"transcribe-model": "/etc/passwd"}}, (422, "bad_option")),
        ({"passthrough": "x" * 1023}, (422, "bad_option")),
        ({"content_type": "video/mp4\r\nx: y"}, (422, "invalid_request")),
        ({"etag": "x"}, (422, "invalid_request")),
        ({"length": 1}, (422, "invalid_request")),
    ],
)
def test_a_wrong_request_begins_nothing(api, settings, given, problem):
    answer = api.request("POST", "/uploads", json={"name": "a.mp4", "size": 4} | given)
    assert code(answer) == problem
    bucket = settings.names.uploads_bucket
    assert not aws.client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_a_page_of_another_site_begins_completes_and_cancels_nothing(api):
    new = begin(api)
    foreign = {"Origin": "https://evil.example"}
    for answer in (
        api.request("POST", "/uploads", json={"name": "a.mp4", "size": 4}, headers=foreign),
        api.request("POST", new["links"]["complete"], headers=foreign),
        api.request("DELETE", new["links"]["self"], headers=foreign),
    ):
        assert code(answer) == (403, "foreign_origin")
