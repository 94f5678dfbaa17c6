"""The code's AWS calls, recorded in boto3, and the permissions that they need.

https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import boto3

_LISTS = {"ListObjectsV2": "ListBucket", "ListObjectVersions": "ListBucketVersions"}
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
_PARTS = {
    "DeleteObject": "DeleteObject",
    "PutObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "AbortMultipartUpload": "AbortMultipartUpload",
    "ListParts": "ListMultipartUploadParts",
}


@dataclass(frozen=True)
class Permission:
    """An action on a resource.

    Attributes:
        context: the condition keys of the request.
    """

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


@dataclass
class Call:
    """A call of an AWS API.

    Attributes:
        status: of the answer; None if nothing was sent, as for a presigned URL.
    """

    service: str
    operation: str
    params: dict[str, Any]
    status: int | None = None


class Trail:
    """The calls of this process by caller; calls without a caller are not recorded."""

    def __init__(self) -> None:
        self._calls: dict[str, list[Call]] = defaultdict(list)
        self._who: str | None = None
        # Clients created from now on are recorded.
        boto3.setup_default_session()
        boto3.DEFAULT_SESSION.events.register("provide-client-params", self._asked)
        boto3.DEFAULT_SESSION.events.register("after-call", self._answered)

    @contextmanager
    def of(self, who: str) -> Iterator[None]:
        """Attribute the calls in the block, in any thread, to ``who``."""
        before, self._who = self._who, who
        try:
            yield
        finally:
            self._who = before

    def permissions(self, *who: str) -> set[Permission]:
        """Return the permissions that all calls of these callers need."""
        return {one for name in who for call in self._calls[name] for one in taken(call)}

    def _asked(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        if self._who:
            context["call"] = Call(model.service_model.service_name, model.name, params)
            self._calls[self._who].append(context["call"])

    def _answered(self, http_response: Any, context: dict[str, Any], **_: Any) -> None:
        if "call" in context:
            context["call"].status = http_response.status_code


def taken(call: Call) -> Iterator[Permission]:
    """Return the permissions that a call needs: IAM's actions differ from the APIs' operations."""
    yield from _SERVICES[call.service](call.operation, call.params, call.status)


def _copied(source: str) -> Permission:
    path, _, version = unquote(source).partition("?versionId=")
    return Permission("s3:GetObjectVersion" if version else "s3:GetObject", f"arn:aws:s3:::{path}")


def _s3(operation: str, given: dict[str, Any], status: int | None) -> Iterator[Permission]:
    bucket = f"arn:aws:s3:::{given['Bucket']}"
    item = f"{bucket}/{given.get('Key')}"
    version = "VersionId" in given
    match operation:
        case _ if operation in _LISTS:
            yield Permission(f"s3:{_LISTS[operation]}", bucket)
        case "DeleteObjects":
            for one in given["Delete"]["Objects"]:
                yield Permission("s3:DeleteObject", f"{bucket}/{one['Key']}")
        case _ if operation in _PARTS:
            yield Permission(f"s3:{_PARTS[operation]}", item)
        case "GetObject":
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
            yield Permission("s3:GetObjectVersion" if version else "s3:GetObject", item)
        case "HeadObject":
            # "you must have the s3:GetObject permission. You need the relevant read object (or
            # version) permission": https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
            yield Permission("s3:GetObject", item)
            if version:
                yield Permission("s3:GetObjectVersion", item)
        case "CopyObject" | "UploadPartCopy":
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
            # boto3 has made it the value of the header: the bucket and the encoded key.
            yield _copied(given["CopySource"])
            yield Permission("s3:PutObject", item)
        case _:
            raise NotImplementedError(operation)
    if status == 404:
        # Without the permission to list, a missing object gives 403.
        yield Permission("s3:ListBucket", bucket)


def _dynamodb(operation: str, given: dict[str, Any], _: int | None) -> Iterator[Permission]:
    match operation:
        case "BatchGetItem" | "BatchWriteItem":
            places = list(given["RequestItems"])
        case "GetItem" | "PutItem" | "UpdateItem" | "Query" if "IndexName" in given:
            places = [f"{given['TableName']}/index/{given['IndexName']}"]
        case "DeleteItem" | "GetItem" | "PutItem" | "UpdateItem" | "Query":
            places = [given["TableName"]]
        case _:
            raise NotImplementedError(operation)
    for place in places:
        yield Permission(f"dynamodb:{operation}", f"{_arn('dynamodb')}:table/{place}")


def _sqs(operation: str, given: dict[str, Any], _: int | None) -> Iterator[Permission]:
    # Batches have no separate actions.
    action = operation.removesuffix("Batch")
    name = given.get("QueueName") or given["QueueUrl"].rsplit("/", 1)[-1]
    yield Permission(f"sqs:{action}", f"{_arn('sqs')}:{name}")


def _events(operation: str, given: dict[str, Any], _: int | None) -> Iterator[Permission]:
    if operation != "PutEvents":
        raise NotImplementedError(operation)
    for entry in given["Entries"]:
        bus = f"{_arn('events')}:event-bus/{entry['EventBusName']}"
        context = ("events:source", entry["Source"]), ("events:detail-type", entry["DetailType"])
        yield Permission("events:PutEvents", bus, context)


def _ssm(operation: str, given: dict[str, Any], _: int | None) -> Iterator[Permission]:
    yield Permission(f"ssm:{operation}", f"{_arn('ssm')}:parameter{given['Name']}")


def _batch(operation: str, given: dict[str, Any], _: int | None) -> Iterator[Permission]:
    match operation:
        case (
            "ListJobs"
        ):  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbatch.html
            yield Permission("batch:ListJobs", "*")
        case "SubmitJob":
            yield Permission("batch:SubmitJob", f"{_arn('batch')}:job-queue/{given['jobQueue']}")
            revision = f"job-definition/{given['jobDefinition']}:1"
            yield Permission("batch:SubmitJob", f"{_arn('batch')}:{revision}")
        case _:
            raise NotImplementedError(operation)


def _arn(service: str) -> str:
    return f"arn:aws:{service}:us-east-1:123456789012"


_SERVICES = {
    "batch": _batch,
    "dynamodb": _dynamodb,
    "events": _events,
    "s3": _s3,
    "sqs": _sqs,
    "ssm": _ssm,
}
