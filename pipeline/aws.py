"""boto3 clients, made once a process from the environment alone.

``AWS_ENDPOINT_URL``, ``AWS_ENDPOINT_URL_S3`` and their like, regions, profiles and credentials are
boto3's own settings: the same code reaches AWS, the embedded stack, or any other implementation.
"""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import DependencyFailed

# Everything that a boto3 call raises when AWS, or the way to it, has a bad moment.
ERRORS = (BotoCoreError, ClientError)

# SigV4 presigning (the default is SigV2 without a region), path-style addresses because a bucket
# name is not a host name on an endpoint of one's own, and timeouts well below any lease.
_CONFIG = Config(
    signature_version="s3v4",
    s3={"addressing_style": "auto"},
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "max_attempts": 5},
    max_pool_connections=32,
)


@cache
def client(service: str) -> Any:
    """The process's client for ``service`` (``s3``, ``sqs``, ``events``)."""
    # SigV4 is every other service's only scheme, and "s3v4" is a name that S3 alone knows.
    config = _CONFIG if service == "s3" else _CONFIG.merge(Config(signature_version="v4"))
    return boto3.client(service, config=config)


@cache
def table(name: str) -> Any:
    """The process's handle on a DynamoDB table, with Python types for values."""
    return boto3.resource("dynamodb", config=_CONFIG.merge(Config(signature_version="v4"))).Table(
        name
    )


def code(error: ClientError) -> str:
    """The service's own word for what went wrong, e.g. ``NoSuchKey``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def as_failure(error: BotoCoreError | ClientError) -> DependencyFailed:
    """What a failed AWS call means for a stage run."""
    if isinstance(error, ClientError):
        return DependencyFailed(
            "aws_error", f"{error.operation_name} failed with {code(error)}: {error}"
        )
    return DependencyFailed("aws_unreachable", f"AWS could not be reached: {error}")
