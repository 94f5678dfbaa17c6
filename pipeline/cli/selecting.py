"""Replay requests from command-line options."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from pipeline.aws.catalog import Catalog
from pipeline.cli import lookup
from pipeline.core import upload_options as options
from pipeline.core import validation
from pipeline.core.errors import BadInput, InvalidArgument
from pipeline.core.settings import Settings
from pipeline.replays.check import check
from pipeline.replays.request import ReplayRequest

_AGO = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_OPTIONS = {
    "uploaded_after": "--since",
    "uploaded_before": "--until",
    "params": "--set",
    "stages": "--stage",
    "budget_usd": "--budget",
    "videos": "VIDEO",
}


def request(settings: Settings, **given: Any) -> ReplayRequest:
    """Build a valid request.

    Args:
        settings: with the stages.
        **given: fields of the request; None for those that were not given.

    Raises:
        InvalidArgument: ``bad_option`` or ``unknown_stage``.
    """
    try:
        asked = ReplayRequest(**{name: one for name, one in given.items() if one is not None})
    except ValidationError as error:
        raise InvalidArgument("bad_option", "; ".join(map(_message, error.errors()))) from error
    check(asked, settings)
    return asked


def params(pairs: Sequence[str], settings: Settings) -> dict[str, dict[str, Any]]:
    """Parse ``NAME=VALUE`` to parameters by stage; names are those of upload options.

    Raises:
        InvalidArgument: ``bad_option``.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, text in options.pairs(list(pairs)).items():
        stages = list(settings.topology.stages)
        try:
            stage, field = options.parameter(name.removeprefix(options.PREFIX), stages)
        except BadInput as error:
            raise InvalidArgument(
                "bad_option",
                f"--set has no {name}: give language, task or STAGE-PARAMETER, such as "
                f"detect-confidence; stages are {', '.join(stages)}, and --stage chooses them.",
            ) from error
        found.setdefault(stage, {})[field] = options.value(text)
    return found


def videos(references: Sequence[str], settings: Settings, catalog: Catalog) -> list[str]:
    """Return the ids of videos, once each, by id, key or file name.

    Raises:
        NotFound, InvalidArgument: see ``lookup.find``.
    """
    found = [lookup.find(reference, settings, catalog) for reference in references]
    return list(dict.fromkeys(video.video_id for video in found))


def moment(text: str, now: datetime) -> datetime:
    """Parse a time: ISO 8601, in this machine's time zone without an offset, or a time ago.

    Args:
        text: e.g. ``2026-01-31``, ``2026-01-31T12:00+02:00``, ``90m``, ``12h``, ``7d``, ``2w``.
        now: reference of "ago".

    Raises:
        InvalidArgument: ``bad_option``.
    """
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC)  # without an offset, it is a time of this machine
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(
            "bad_option",
            f"{text!r} is not a time: give a date or time such as 2026-01-31 or "
            "2026-01-31T12:00+02:00, or a time ago, such as 12h or 7d.",
        ) from error


def _message(error: Any) -> str:
    name = ".".join(map(str, error["loc"]))
    said = validation.message(error)
    return f"{_OPTIONS.get(error['loc'][0], name)}: {said}" if name else said
