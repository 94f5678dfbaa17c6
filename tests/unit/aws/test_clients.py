"""Configuration of boto3: the hosts of presigned URLs."""

from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from pipeline.aws import clients as aws
from pipeline.core.errors import InvalidSettings

_OBJECT = {"Bucket": "films", "Key": "a.mp4"}


@pytest.fixture(autouse=True)
def fresh_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setattr(aws, "client", aws.client.__wrapped__)
    # boto3 keeps the credentials that it finds first, for all later tests of this process.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "films.s3.amazonaws.com"),
        ("eu-central-1", "films.s3.eu-central-1.amazonaws.com"),
        ("cn-north-1", "films.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_presigned_addresses_lead_to_the_buckets_own_region(
    monkeypatch: pytest.MonkeyPatch, region: str, host: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    url = aws.client("s3").generate_presigned_url("get_object", Params=_OBJECT)
    assert urlsplit(url).hostname == host
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9000", "https://store.example"])
def test_on_an_endpoint_of_ones_own_a_bucket_is_not_a_host(
    monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    url = aws.client("s3").generate_presigned_url("get_object", Params=_OBJECT)
    assert url.startswith(f"{endpoint}/films/a.mp4?")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url


def test_a_store_of_ones_own_has_its_own_address_and_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile nas]\nendpoint_url = http://127.0.0.1:9000\n"
        "aws_access_key_id = mine\naws_secret_access_key = of-the-store\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4599")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("VIDEODROP_STORE_PROFILE", "nas")
    url = aws.client("s3").generate_presigned_url("get_object", Params=_OBJECT)
    assert url.startswith("http://127.0.0.1:9000/films/a.mp4?")
    assert "X-Amz-Credential=mine%2F" in url
    assert aws.client("sqs").meta.endpoint_url == "http://127.0.0.1:4599"


@pytest.mark.parametrize("section", ["", "[profile nas]\nregion = us-east-1\n"])
def test_a_profile_that_cannot_be_a_store_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, section: str
) -> None:
    (tmp_path / "config").write_text(section)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("VIDEODROP_STORE_PROFILE", "nas")
    with pytest.raises(InvalidSettings, match="profile nas has to have endpoint_url"):
        aws.client("s3")
