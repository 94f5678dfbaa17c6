"""The protection of the embedded AWS against pages and other programs."""

import http.client
import json
from urllib.parse import urlsplit

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from pipeline.aws import clients as aws

BODY = b"<html>"


@pytest.fixture
def bucket(settings):
    name = settings.name
    aws.client("s3").create_bucket(Bucket=name)
    aws.client("s3").put_object(Bucket=name, Key="kept", Body=b"video")
    yield name
    assert aws.client("s3").get_object(Bucket=name, Key="kept")["Body"].read() == b"video"


def ask(server, method, target, body=None, **headers):
    """Return the server's answer to an unsigned request."""
    url = urlsplit(server.endpoint)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


FORMS = [
    {"Content_Type": "application/x-www-form-urlencoded"},
    {"Content_Type": "text/plain", "Origin": "https://evil.example"},
    {"Content_Type": "multipart/form-data; boundary=x", "Origin": "null"},
]


@pytest.mark.parametrize(
    "path", ["reset", "reset/", "seed?a=1", "recorder/start-recording", "data.json", "config"]
)
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_form_on_any_page_reaches_nothing_of_motos_own(server, bucket, path, form):  # noqa: ARG001
    for method in ("POST", "GET", "PUT"):
        assert ask(server, method, f"/moto-api/{path}", BODY, **form)[0] == 403


def test_motos_own_api_is_not_served_to_those_with_credentials_either(server, bucket):  # noqa: ARG001
    s3 = aws.client("s3")
    for call in (
        lambda: s3.put_object(Bucket="moto-api", Key="reset"),
        lambda: s3.get_object(Bucket="moto-api", Key="data.json"),
        lambda: boto3.client("sts").get_caller_identity(),
        lambda: boto3.client("lambda").list_functions(),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            call()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
def test_an_unsigned_request_is_rejected(server, bucket, method):
    for target in ("/", f"/{bucket}", f"/{bucket}/kept"):
        assert ask(server, method, target, BODY)[0] == 403
    for target in ("AmazonSQS.ListQueues", "DynamoDB_20120810.ListTables", "AWSEvents.ListRules"):
        status, _, body = ask(server, "POST", "/", b"{}", X_Amz_Target=target)
        assert (status, json.loads(body)["__type"]) == (403, "MissingAuthenticationTokenException")


def test_other_credentials_are_rejected(bucket):
    for keys in (("test", "wrong"), ("wrong", "test")):
        named = dict(zip(("aws_access_key_id", "aws_secret_access_key"), keys, strict=True))
        for call in (
            lambda named=named: boto3.client("s3", **named).get_object(Bucket=bucket, Key="kept"),
            lambda named=named: boto3.client("dynamodb", **named).list_tables(),
            lambda named=named: boto3.client("sqs", **named).list_queues(),
        ):
            with pytest.raises(botocore.exceptions.ClientError) as refused:
                call()
            assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def presigned(bucket, key="kept", *, operation="get_object", params=None, **more):
    s3 = boto3.client(
        "s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"})
    )
    url = urlsplit(
        s3.generate_presigned_url(
            operation, Params={"Bucket": bucket, "Key": key, **(params or {})}, **more
        )
    )
    return f"{url.path}?{url.query}"


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "http://localhost:8080"])
def test_pages_of_this_machine_read_presigned_addresses(server, bucket, origin):
    target = presigned(bucket)
    status, headers, body = ask(server, "GET", target, Origin=origin, Range="bytes=1-2")
    assert (status, body) == (206, b"id")
    assert headers.get_all("Access-Control-Allow-Origin") == [origin]
    assert "Content-Range" in headers["Access-Control-Expose-Headers"]
    preflight = {"Access_Control_Request_Method": "GET", "Access_Control_Request_Headers": "range"}
    status, headers, _ = ask(server, "OPTIONS", target, Origin=origin, **preflight)
    assert (status, headers["Access-Control-Allow-Headers"]) == (204, "Range")


def test_pages_of_this_machine_send_parts_to_presigned_addresses(server, bucket):
    upload = boto3.client("s3").create_multipart_upload(Bucket=bucket, Key="sent")["UploadId"]
    part = {"UploadId": upload, "PartNumber": 1, "ContentLength": 4}
    target = presigned(bucket, "sent", operation="upload_part", params=part)
    page = {"Origin": "http://127.0.0.1:8080"}
    preflight = {"Access_Control_Request_Method": "PUT"}
    status, headers, _ = ask(server, "OPTIONS", target, **page, **preflight)
    assert (status, "PUT" in headers["Access-Control-Allow-Methods"]) == (204, True)
    assert ask(server, "PUT", target, b"more than that", **page)[0] == 403
    status, headers, _ = ask(server, "PUT", target, b"part", **page)
    assert status == 200
    assert headers["ETag"]
    assert "ETag" in headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", "http://127.0.0.1.evil.example", "http://[", "file://"],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "OPTIONS"])
def test_pages_of_other_sites_reach_nothing_even_with_an_address(server, bucket, origin, method):
    status, headers, _ = ask(server, method, presigned(bucket), Origin=origin)
    assert status == 403
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4599", "192.168.1.5:4599", ""])
def test_a_page_with_dns_rebinding_reaches_nothing(server, bucket, host):
    s3 = boto3.client(
        "s3", endpoint_url=f"http://{host or 'x'}", config=Config(signature_version="s3v4")
    )
    url = urlsplit(
        s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "kept"})
    )
    assert ask(server, "GET", f"{url.path}?{url.query}", Host=host)[0] == 403


def test_a_presigned_address_expires(server, bucket):
    assert ask(server, "GET", presigned(bucket, ExpiresIn=0))[0] == 403
    assert ask(server, "GET", presigned(bucket).replace("/kept", "/other"))[0] == 403


def test_the_body_of_an_unauthorized_request_is_not_kept(server):
    folder = server.folder / "bodies"
    before = sorted(folder.iterdir())
    assert ask(server, "PUT", "/bucket/key", b"x" * 3_000_000)[0] == 403
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "sent", [b"\xff\xfe", b"Action=AssumeRoleWithSAML&Version=2011-06-15", b"Version=2009-04-15"]
)
def test_an_upload_that_says_it_is_a_form_is_kept_as_it_is(server, bucket, sent):
    target = presigned(bucket, "uploaded", operation="put_object")
    # The type that curl gives to every body of --data-binary.
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    assert ask(server, "PUT", target, sent, **form)[0] == 200
    s3 = aws.client("s3")
    assert s3.get_object(Bucket=bucket, Key="uploaded")["Body"].read() == sent
    for kind in (form["Content_Type"], "multipart/form-data; boundary=x"):
        s3.put_object(Bucket=bucket, Key="uploaded", Body=sent, ContentType=kind)
        assert s3.get_object(Bucket=bucket, Key="uploaded")["Body"].read() == sent


def test_a_presigned_key_that_looks_like_another_service_is_of_s3(server, bucket):
    key = "sqs_us-east-1/x"
    s3 = boto3.client(
        "s3",
        endpoint_url=f"http://localhost:{urlsplit(server.endpoint).port}",
        config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
    )
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"1")
    url = urlsplit(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}))
    assert url.path == f"/{key}"
    status, _, body = ask(server, "GET", f"{url.path}?{url.query}", Host=url.netloc)
    assert (status, body) == (200, b"1")


def test_keys_are_signed_as_they_are_written(bucket):
    s3 = aws.client("s3")
    for key in ("a b+c/ä&=?#%41", "//x", "名前.mp4", "a~b*'()!"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1", Metadata={"with_line": "a  b"})
        assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == 1
        assert s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 1
