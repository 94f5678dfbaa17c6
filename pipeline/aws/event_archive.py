"""AWS's own replay: EventBridge sends archived uploads again, as they were.

Terraform makes the archive. What it replays carries a ``replay-name``, by which rules of their own
bring it to the replay lanes, so that fresh uploads do not wait behind it. It comes in no order and
may come twice; a stage whose current result is what would be computed has nothing to do.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
"""

import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from pydantic import BaseModel

from pipeline.aws import clients as aws
from pipeline.core.errors import InvalidArgument, MissingDependency
from pipeline.core.settings import Settings

_LONGEST_PREFIX = 40  # of the 64 characters that AWS allows a replay's name


class ArchiveReplay(BaseModel):
    """A replay that EventBridge runs.

    Attributes:
        name: every event it sends carries it.
        state: ``STARTING``, ``RUNNING``, ``COMPLETED``, ``CANCELLING``, ``CANCELLED`` or
            ``FAILED``: that events were sent, not that their runs have ended.
        reason: why it is in that state, where AWS says so.
        since: events of this moment or later.
        until: events earlier than this.
        reached: time of the last event sent.
        follow: the command that tells how far it is.
    """

    name: str
    state: str
    reason: str | None = None
    since: datetime
    until: datetime
    reached: datetime | None = None
    follow: str


def start(
    config: Settings, since: datetime, until: datetime, stages: Collection[str] | None = None
) -> ArchiveReplay:
    """Have EventBridge send the uploads of a time again.

    An event can take ten minutes to reach its archive.

    Args:
        config: the installation.
        since: this moment or later; with its time zone.
        until: earlier than this.
        stages: those that shall hear of it; all when None.

    Raises:
        InvalidArgument: ``bad_window``: it ends before it begins; ``unknown_stage``.
        MissingDependency: ``no_archive``: there is none to replay, or no rule for a stage.
    """
    if since >= until:
        raise InvalidArgument(
            "bad_window", f"No event is later than {since} and earlier than {until}."
        )
    known = config.topology.stages
    if unknown := set(stages or ()).difference(known):
        raise InvalidArgument(
            "unknown_stage",
            f"There is no {', '.join(sorted(unknown))}; choose from {', '.join(known)}.",
        )
    names, events = config.names, aws.client("events")
    archive = _found("archive", events.describe_archive, ArchiveName=names.archive)
    rules = [
        _found("rule", events.describe_rule, Name=names.archive_rule(stage))["Arn"]
        for stage in stages or known
    ]
    name = _name(names.prefix)
    events.start_replay(
        ReplayName=name,
        EventSourceArn=archive["ArchiveArn"],
        EventStartTime=since,
        EventEndTime=until,
        # AWS replays to the bus that the archive is of, and to no other.
        Destination={"Arn": archive["EventSourceArn"], "FilterArns": rules},
    )
    return look(name)


def look(name: str) -> ArchiveReplay:
    """How far a replay of EventBridge's is."""
    now = aws.client("events").describe_replay(ReplayName=name)
    return ArchiveReplay(
        name=name,
        state=now["State"],
        reason=now.get("StateReason"),
        since=now["EventStartTime"],
        until=now["EventEndTime"],
        reached=now.get("EventLastReplayedTime"),
        follow=f"aws events describe-replay --replay-name {name}",
    )


def _name(prefix: str) -> str:
    return f"{prefix[:_LONGEST_PREFIX]}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def _found(what: str, look: Any, **which: str) -> dict[str, Any]:
    try:
        return dict(look(**which))
    except ClientError as error:
        if aws.code(error) != "ResourceNotFoundException":
            raise
        (name,) = which.values()
        raise MissingDependency(
            "no_archive",
            f"There is no EventBridge {what} {name}. `terraform apply` makes archive and rules, "
            "and an archive holds only what came after it was made. The same videos can be "
            "replayed from the catalog: leave --from-archive out.",
        ) from error
