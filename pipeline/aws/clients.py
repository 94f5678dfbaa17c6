"""boto3 clients, made once a process from the environment alone.

``AWS_ENDPOINT_URL``, ``AWS_ENDPOINT_URL_S3`` and their like, regions, profiles and credentials are
boto3's own settings: the same code reaches AWS, the embedded stack, or any other implementation.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.core.errors import DependencyFailed, MissingDependency, Unreachable

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_events import EventBridgeClient
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient
    from types_boto3_ssm import SSMClient

# Everything that a boto3 call raises when AWS, or the way to it, has a bad moment.
ERRORS = (BotoCoreError, ClientError)

# Timeouts are well below any lease.
_CONFIG = Config(
    signature_version="v4",
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "max_attempts": 5},
    max_pool_connections=32,
)


@overload
def client(service: Literal["s3"]) -> "S3Client": ...
@overload
def client(service: Literal["sqs"]) -> "SQSClient": ...
@overload
def client(service: Literal["events"]) -> "EventBridgeClient": ...
@overload
def client(service: Literal["ssm"]) -> "SSMClient": ...
@overload
def client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@cache
def client(service: Any) -> Any:
    """Return the process's client for a service."""
    return _s3() if service == "s3" else boto3.client(service, config=_CONFIG)


@cache
def table(name: str) -> "Table":
    """Return the process's handle on a DynamoDB table, with Python types for values."""
    return boto3.resource("dynamodb", config=_CONFIG).Table(name)


def _s3() -> "S3Client":
    """S3, addressed so that a presigned address leads to the very host it was signed for.

    Left to itself, boto3 presigns for S3's global host, which sends readers of a young bucket on to
    its region: there the signature is another host's. On an endpoint of one's own, a bucket's name
    is no host name.
    """
    on_aws = boto3.client("s3", config=_CONFIG.merge(_addressing("virtual")))
    host = urlsplit(on_aws.meta.endpoint_url).hostname or ""
    if ".amazonaws." in host:
        return on_aws
    return boto3.client("s3", config=_CONFIG.merge(_addressing("path")))


def _addressing(style: Literal["path", "virtual"]) -> Config:
    # S3 has a name of its own for SigV4; for presigning it would choose SigV2.
    return Config(signature_version="s3v4", s3={"addressing_style": style})


def region() -> str:
    """The region of this process.

    Raises:
        MissingDependency: ``no_region``.
    """
    found = boto3.Session().region_name
    if not found:
        raise MissingDependency(
            "no_region", "Which AWS region? Set AWS_REGION to it, for example eu-central-1."
        )
    return str(found)


def code(error: ClientError) -> str:
    """The service's own word for what went wrong, e.g. ``NoSuchKey``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def as_failure(error: BotoCoreError | ClientError) -> DependencyFailed:
    """What a failed AWS call means for a stage run."""
    if isinstance(error, ClientError):
        return DependencyFailed(
            "aws_error", f"{error.operation_name} failed with {code(error)}: {error}"
        )
    return Unreachable("aws_unreachable", f"AWS could not be reached: {error}")
