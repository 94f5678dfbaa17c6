"""With CloudFront, every URL from the API is one that CloudFront serves."""

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import pytest

from pipeline import bootstrap
from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.core.setting_types import CdnSettings
from pipeline.core.settings import Settings
from tests.fakes.query import Client
from tests.fakes.seed import Seed
from tests.fakes.signatures import key_pair, unsigned, wildcard

PARAMETER = "/videodrop/cdn-key"
KEY, PEM = key_pair()


def store_key() -> None:
    """Store the key; a request that botocore sends again after a timeout does no harm."""
    aws.client("ssm").put_parameter(Name=PARAMETER, Type="SecureString", Value=PEM, Overwrite=True)


@pytest.fixture
def behind(stored: Settings) -> Iterator[Settings]:
    store_key()
    cdn = CdnSettings(domain="cdn.example.com", key_id="K1", key_parameter=PARAMETER)
    yield stored.model_copy(update={"cdn": cdn})
    aws.client("ssm").delete_parameter(Name=PARAMETER)


def key_of(url: str) -> str:
    resource, _ = unsigned(url, KEY, "K1")
    return resource.removeprefix("https://cdn.example.com/").partition("?")[0]


def of_result(url: str) -> str:
    """Return the key of a file that its result's signature is valid for."""
    resource, _ = wildcard(url, KEY, "K1")
    # …/artifacts/{video}/{revision}/{stage}/{fingerprint}/{attempt}/*
    assert len(urlsplit(resource).path.split("/")) == 8
    return unquote(urlsplit(url).path.removeprefix("/"))


def test_every_address_has_a_signature_that_cloudfront_trusts(behind: Settings, tmp_path):
    seed = Seed.of(behind, tmp_path)
    upload = seed.upload("clip.mp4")
    seed.transcode(upload)
    seed.thumbnail(upload)
    api = Client(create_app(settings=behind))

    video = api.get(f"/videos/{upload.video_id}").json()
    files = [one for stage in video["stages"] for one in stage["artifacts"]]
    assert files
    for one in files:
        assert key_of(one["url"]).endswith(one["name"])
        assert key_of(one["download_url"]).endswith(one["name"])
        assert "response-content-disposition" in one["download_url"]
    assert key_of(video["poster"]).endswith(".jpg")

    folder, _, master = video["links"]["playlist"].rpartition("/")
    rung = api.get(f"{folder}/{master}").text.splitlines()[-1]
    media = api.get(f"{folder}/{rung}").text
    initialization = re.findall(r'URI="([^"]+)"', media)
    segments = [line for line in media.splitlines() if not line.startswith("#")]
    assert initialization
    assert segments
    for url in (*initialization, *segments):
        key = of_result(url)
        found = aws.client("s3").head_object(Bucket=behind.names.artifacts_bucket, Key=key)
        assert found["ContentLength"]
    assert len({url.partition("?")[2] for url in (*initialization, *segments)}) == 1

    sheet = api.get(video["links"]["storyboard"]).text.splitlines()[-1]
    assert of_result(sheet.partition("#")[0]).endswith(".jpg")
    assert "https://cdn.example.com" in api.get("/").headers["Content-Security-Policy"]


def test_what_runs_stages_needs_no_key(behind: Settings):
    aws.client("ssm").delete_parameter(Name=PARAMETER)
    try:
        assert not bootstrap.artifacts(behind).has("nothing/")
    finally:
        store_key()
