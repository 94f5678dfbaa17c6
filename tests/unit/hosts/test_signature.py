"""The check of signatures, with requests that botocore signs."""

import io
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from pipeline.hosts.local import signature
from pipeline.hosts.local.signature import Keys
from pipeline.hosts.local.signed_request import Rejected, Request

KEYS = Keys("VDKEY", "secret/of+this installation")
OTHERS = Keys("VDKEY", "a guess")
AT = "http://127.0.0.1:4599"


def received(sent, body=b""):
    """Return a request in the form that the server receives."""
    prepared = sent.prepare()
    url = urlsplit(prepared.url)
    headers = {name.lower().replace("_", "-"): value for name, value in prepared.headers.items()}
    headers = {n: v if isinstance(v, bytes) else v.encode() for n, v in headers.items()}
    headers.setdefault("host", url.netloc.encode())
    target = url.path + (f"?{url.query}" if url.query else "")
    return Request(prepared.method, target, headers), io.BytesIO(body)


def signed(
    method="PUT",
    target="/bucket/a%20b%2B%C3%A4//c",
    body=b"video",
    keys=KEYS,
    auth=S3SigV4Auth,
    service="s3",
    **headers,
):
    request = AWSRequest(method, f"{AT}{target}", headers=headers, data=body)
    auth(Credentials(keys.access_key_id, keys.secret_access_key), service, "eu-west-1").add_auth(
        request
    )
    return received(request, body)


def presigned(expires_s=60, keys=KEYS, **more):
    return signed(
        "GET",
        body=b"",
        keys=keys,
        auth=lambda *args: S3SigV4QueryAuth(*args, expires=expires_s),
        **more,
    )


def verify(request, body, keys, now=None):
    """Check a request whose body is at hand; return the limits up to which it was received."""
    limits = []

    def receive(limit):
        assert body is not None, "it is rejected before its body is read"
        limits.append(limit)
        return body

    assert signature.verify(request, receive, keys, now) is body
    return limits


def code(request, body, keys=KEYS, after=timedelta(0)):
    with pytest.raises(Rejected) as rejected:
        verify(request, body, keys, lambda: datetime.now(UTC) + after)
    assert rejected.value.message
    return rejected.value.code


def changed(request, **fields):
    return Request(**{**vars(request), **fields})


@pytest.mark.parametrize(
    "request_",
    [
        signed,
        lambda: signed(target="/bucket/key?partNumber=2&uploadId=x%2Fy&acl"),
        lambda: signed(**{"x-amz-meta-title": "  a   b ", "Content-Type": "video/mp4"}),
        lambda: signed(**{"x-amz-meta-with_line": "1"}),
        lambda: signed(
            "POST", "/", b"{}", auth=SigV4Auth, service="sqs", **{"X-Amz-Target": "a.B"}
        ),
        lambda: signed(
            "GET", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aa", b"", auth=SigV4Auth, service="lambda"
        ),
        presigned,
        lambda: presigned(target="/bucket/a%20b?response-content-type=video%2Fmp4"),
    ],
)
def test_what_botocore_signs_is_accepted(request_):
    request, body = request_()  # signed now: an address lasts a minute
    verify(request, body, KEYS)
    assert body.tell() == 0


@pytest.mark.parametrize("sign", [signed, presigned])
def test_another_secret_is_rejected(sign):
    assert code(*sign(keys=OTHERS)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("sign", [signed, presigned])
def test_another_key_is_rejected_before_the_body_is_read(sign):
    request, _ = sign(keys=Keys("another", "secret"))
    assert code(request, None) == "InvalidAccessKeyId"


@pytest.mark.parametrize("sign", [signed, presigned])
def test_a_wrong_signature_is_rejected_before_the_body_is_read(sign):
    request, _ = sign(keys=OTHERS)
    assert code(request, None) == "SignatureDoesNotMatch"


def test_a_body_without_a_stated_digest_has_a_limit():
    stated, _ = signed(), presigned()
    assert verify(*stated, KEYS) == [None]
    unstated = signed("POST", "/", b"{}", auth=SigV4Auth, service="sqs")
    assert verify(*unstated, KEYS) == [16 << 20]


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/bucket", {"host": b"127.0.0.1:4599"}),
        Request("POST", "/moto-api/reset", {"host": b"127.0.0.1:4599"}),
        Request("GET", "/b/k?AWSAccessKeyId=VDKEY&Signature=x&Expires=9", {"host": b"localhost"}),
    ],
)
def test_an_unsigned_request_is_rejected(request_):
    assert code(request_, io.BytesIO()) == "AccessDenied"


def test_signature_version_2_and_more_than_a_signature_are_rejected():
    request, body = signed()
    more = request.headers["authorization"] + b", Signature=00"
    for other in (b"AWS VDKEY:c2lnbmF0dXJl", more):
        headers = {**request.headers, "authorization": other}
        assert code(changed(request, headers=headers), body) == "AccessDenied"


def test_signatures_are_compared_in_constant_time(monkeypatch):
    compared = []
    monkeypatch.setattr(signature.hmac, "compare_digest", lambda *both: compared.append(both))
    assert code(*signed()) == "SignatureDoesNotMatch"
    ((expected, given),) = compared
    assert expected == given


@pytest.mark.parametrize(
    "change",
    [
        {"method": "DELETE"},
        {"target": "/bucket/another"},
        {"target": "/bucket/a%20b%2B%C3%A4//c?versionId=1"},
    ],
)
@pytest.mark.parametrize("sign", [signed, presigned])
def test_a_request_changed_after_signing_is_rejected(sign, change):
    request, body = sign()
    if sign is presigned and "target" in change:
        change = {"target": f"{change['target'].partition('?')[0]}x?{request.target.split('?')[1]}"}
    assert code(changed(request, **change), body) == "SignatureDoesNotMatch"


def test_another_body_is_rejected():
    request, _ = signed(body=b"video")
    assert code(request, io.BytesIO(b"other")) == "XAmzContentSHA256Mismatch"
    request, _ = signed("POST", "/", b"{}", auth=SigV4Auth, service="sqs")
    assert code(request, io.BytesIO(b"[]")) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("name", ["x-amz-copy-source", "x-moto-account-id"])
@pytest.mark.parametrize("sign", [signed, presigned])
def test_an_amazon_or_moto_header_that_is_not_signed_is_rejected(sign, name):
    request, body = sign()
    headers = {**request.headers, name: b"/bucket/private"}
    assert code(changed(request, headers=headers), body) == "AccessDenied"


def test_an_address_whose_host_is_not_signed_is_rejected():
    request, body = presigned()
    target = request.target.replace("SignedHeaders=host", "SignedHeaders=x-amz-date")
    assert code(changed(request, target=target), body) == "AccessDenied"


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_signature_of_another_time_is_rejected(minutes):
    assert code(*signed(), after=timedelta(minutes=minutes)) == "RequestTimeTooSkewed"


def test_a_presigned_address_expires_at_its_own_time():
    verify(*presigned(600), KEYS, lambda: datetime.now(UTC) + timedelta(seconds=590))
    assert code(*presigned(600), after=timedelta(seconds=605)) == "AccessDenied"
    assert code(*presigned(600), after=-timedelta(minutes=16)) == "RequestTimeTooSkewed"
    for expires_s in (0, 7 * 86400 + 1):
        assert code(*presigned(expires_s)) == "AuthorizationQueryParametersError"


@pytest.mark.parametrize("missing", ["X-Amz-Expires", "X-Amz-Credential", "X-Amz-Date"])
def test_an_address_without_a_part_of_its_signature_is_rejected(missing):
    request, body = presigned()
    target = request.target.replace(missing, "X-Amz-Other")
    expected = "AuthorizationQueryParametersError"
    assert code(changed(request, target=target), body) == expected


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        ("Expires", "9" * 30, "AuthorizationQueryParametersError"),
        ("Expires", "9" * 400, "AuthorizationQueryParametersError"),
        ("Expires", "9" * 5000, "AuthorizationQueryParametersError"),
        ("Date", "99991231T235959Z", "RequestTimeTooSkewed"),
        ("Date", "00010101T000000Z", "AccessDenied"),
        ("Date", "20261301T000000Z", "AccessDenied"),
        ("Signature", "%C3%A9", "SignatureDoesNotMatch"),
    ],
)
def test_an_address_with_an_impossible_part_is_rejected_too(parameter, value, expected):
    request, body = presigned()
    target = re.sub(rf"(X-Amz-{parameter})=\w+", rf"\1={value}", request.target)
    if parameter == "Date":
        target = re.sub(r"%2F\d{8}%2F", f"%2F{value[:8]}%2F", target)
    assert code(changed(request, target=target), body) == expected


@pytest.mark.parametrize(
    ("signed_as", "sent_as"),
    [
        ("/bucket/a%23b", "/bucket/a#b"),  # a server drops the fragment, and with it the query
        ("/bucket/%C3%83%C2%A9", "/bucket/\u00c3\u00a9"),
        ("/bucket/key?a=%23", "/bucket/key?a=#"),
        ("/bucket/key?a=%EF%BF%BD", "/bucket/key?a=%FF"),
        ("/bucket/key?%EF%BF%BD=a", "/bucket/key?%FF=a"),
        ("/bucket/key", f"{AT}/bucket/key"),
    ],
)
def test_a_target_that_servers_read_in_several_ways_is_rejected(signed_as, sent_as):
    request, body = presigned(target=signed_as)
    verify(request, body, KEYS)
    target = request.target.replace(signed_as, sent_as)
    assert target != request.target
    assert code(changed(request, target=target), body) == "InvalidURI"


def test_the_date_of_the_scope_has_to_be_the_signatures():
    request, body = presigned()
    day = datetime.now(UTC).strftime("%Y%m%d")
    target = request.target.replace(f"%2F{day}%2F", "%2F20200101%2F")
    assert code(changed(request, target=target), body) == "AccessDenied"


def test_addresses_that_boto3_presigns_are_accepted():
    s3 = boto3.client(
        "s3",
        endpoint_url=AT,
        region_name="us-east-1",
        aws_access_key_id=KEYS.access_key_id,
        aws_secret_access_key=KEYS.secret_access_key,
        config=Config(signature_version="s3v4"),
    )
    key = {"Bucket": "b", "Key": "ü/1 + 2.mp4"}
    for operation, method in (("get_object", "GET"), ("put_object", "PUT")):
        url = urlsplit(s3.generate_presigned_url(operation, Params=key))
        request = Request(method, f"{url.path}?{url.query}", {"host": url.netloc.encode()})
        verify(request, io.BytesIO(b"anything"), KEYS)
