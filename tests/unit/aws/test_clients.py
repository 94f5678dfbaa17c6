"""Configuration of boto3: the hosts of presigned URLs."""

from urllib.parse import urlsplit

import boto3
import pytest

from pipeline.aws import clients as aws

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
