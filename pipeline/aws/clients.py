"""boto3 clients, made once a process from the environment alone.

``AWS_ENDPOINT_URL``, ``AWS_ENDPOINT_URL_S3`` and similar variables, regions, profiles and
credentials are boto3's own settings. So the same code uses AWS, the embedded stack, or any other
implementation.
"""

import os
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, overload
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound
from botocore.session import Session

from pipeline.core.errors import (
    DependencyFailed,
    InvalidSettings,
    MissingDependency,
    Outage,
    Unreachable,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_events import EventBridgeClient
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient
    from types_boto3_ssm import SSMClient

# All exceptions of a boto3 call during an outage or a temporary failure of AWS or the network.
ERRORS = (BotoCoreError, ClientError)

# Error codes of a service that asks for fewer requests; those of failures have a status of 500 or
# more. https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_THROTTLED = {
    *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled"),
    *("RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded"),
    *("ProvisionedThroughputExceededException", "BandwidthLimitExceeded", "SlowDown"),
    *("RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"),
}

# Timeouts are well below any lease.
_CONFIG = Config(
    signature_version="v4",
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "max_attempts": 5},
    max_pool_connections=32,
    # The services check parameters too, and it would be a fifth of the CPU time of a call.
    parameter_validation=False,
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
@overload
def client(service: Literal["batch"]) -> Any: ...
@cache
def client(service: Any) -> Any:
    """Return the process's client for a service."""
    return _s3() if service == "s3" else boto3.client(service, config=_CONFIG)


@cache
def table(name: str) -> "Table":
    """Return the process's handle on a DynamoDB table, with Python types for values."""
    return boto3.resource("dynamodb", config=_CONFIG).Table(name)


def _s3() -> "S3Client":
    """Return an S3 client whose presigned URLs have the host that they were signed for.

    By default, boto3 presigns for S3's global host, which redirects requests for a new bucket to
    its region. There the signature is invalid, because it covers the host. On a custom endpoint
    the bucket's name cannot be part of the host name.

    A store beside AWS, or beside the embedded one, has an address and credentials of its own:
    those of the profile that ``VIDEODROP_STORE_PROFILE`` names.
    """
    make = partial(boto3.client, "s3", **store_options())
    on_aws: S3Client = make(config=_CONFIG.merge(_addressing("virtual")))
    host = urlsplit(on_aws.meta.endpoint_url).hostname or ""
    if ".amazonaws." in host:
        return on_aws
    on_endpoint: S3Client = make(config=_CONFIG.merge(_addressing("path")))
    return on_endpoint


def store_options() -> dict[str, str]:
    """Return the options of a client for the store of files; none if AWS's own are its.

    Raises:
        InvalidSettings: ``bad_settings``: the profile is missing, or lacks keys or an endpoint.
    """
    name = os.environ.get("VIDEODROP_STORE_PROFILE")
    if not name:
        return {}
    try:
        session = Session(profile=name)
        keys, config = session.get_credentials(), session.get_scoped_config()
    except ProfileNotFound:
        keys, config = None, {}
    # It is given to each client: AWS_ENDPOINT_URL would come before the profile's.
    if keys is None or "endpoint_url" not in config:
        raise InvalidSettings(
            "bad_settings",
            f"VIDEODROP_STORE_PROFILE: the profile {name} has to have endpoint_url, "
            "aws_access_key_id and aws_secret_access_key.",
        )
    return {
        "endpoint_url": config["endpoint_url"],
        "region_name": config.get("region", "us-east-1"),
        "aws_access_key_id": keys.access_key,
        "aws_secret_access_key": keys.secret_key,
    }


def _addressing(style: Literal["path", "virtual"]) -> Config:
    # "s3v4" is S3's name for SigV4; without it boto3 presigns with SigV2.
    return Config(signature_version="s3v4", s3={"addressing_style": style})


def region() -> str:
    """Return the region of this process.

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
    """Return the service's error code, e.g. ``NoSuchKey``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def as_failure(error: BotoCoreError | ClientError) -> DependencyFailed:
    """Convert a failed AWS call to a failure of a stage run."""
    if isinstance(error, ClientError):
        if _is_outage(error):
            return Outage(
                "aws_unavailable",
                f"AWS failed or was overloaded: {error.operation_name} was answered with "
                f"{code(error)}.",
            )
        return DependencyFailed(
            "aws_error", f"{error.operation_name} failed with {code(error)}: {error}"
        )
    return Unreachable("aws_unreachable", f"AWS could not be reached: {error}")


def _is_outage(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or code(error) in _THROTTLED
