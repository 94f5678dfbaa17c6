"""Route: notifications of a store that tells EventBridge of no uploads."""

import base64
import binascii
import hmac
from typing import Annotated

from fastapi import APIRouter, Body, Header, Query
from pydantic import BaseModel, Field

from pipeline.api.authorized import NOTIFIED
from pipeline.api.context import Parts
from pipeline.api.problems import Problem

router = APIRouter(tags=["uploads"])


class TakenView(BaseModel):
    """The numbers of a notification's events."""

    accepted: int = Field(description="Events that were sent to the queues")
    ignored: int = Field(description="Events about objects that are not uploads of videos here")


@router.post(
    NOTIFIED,
    status_code=202,
    include_in_schema=False,  # stores send it, not clients
)
def receive_notification(
    parts: Parts,
    body: Annotated[dict[str, object] | list[object], Body()],
    token: Annotated[str | None, Query(description="The token", max_length=512)] = None,
    authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> TakenView:
    """Send the events of a notification to the queues; sending one again is safe.

    S3's records, as MinIO, VersityGW and Ceph post them, are understood, CloudEvents around them,
    and EventBridge's events. The token comes as ``Authorization: Bearer …``, as the password of
    Basic authentication, or as ``?token=``, for stores that send no header.
    """
    ours = parts.settings.notify_token
    if ours is None:
        raise Problem(
            403,
            "not_notified",
            "This installation takes no notifications. Set VIDEODROP_NOTIFY_TOKEN.",
        )
    sent = token or _token(authorization or "")
    if not hmac.compare_digest(sent.encode(), ours.get_secret_value().encode()):
        raise Problem(
            401,
            "unauthorized",
            "The token of this notification is wrong.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    taken = parts.notified.take(body)
    return TakenView(accepted=taken.accepted, ignored=taken.ignored)


def _token(header: str) -> str:
    """Return the token of an ``Authorization`` header."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return header
