"""The options of one upload, given as S3 user metadata.

    x-amz-meta-videodrop-stages: transcode,transcribe     only these stages run
    x-amz-meta-videodrop-language: de                     short for transcribe-language
    x-amz-meta-videodrop-task: translate                  short for transcribe-task
    x-amz-meta-videodrop-detect-confidence: 0.4           any parameter of any stage
    x-amz-meta-videodrop-passthrough: {"id": 7}           the uploader's own, kept in the record

Lists are given as JSON: ``x-amz-meta-videodrop-transcode-rungs: [720, 360]``.
"""

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.core.errors import InvalidArgument

PREFIX = "videodrop-"
PASSTHROUGH = "passthrough"
"""The name of the uploader's own words: they come back in the video's record."""

_SHORT = {"language": ("transcribe", "language"), "task": ("transcribe", "task")}


class Options(BaseModel):
    """An uploader's options: the stages to run (None for all) and parameters by stage."""

    stages: list[str] | None = None
    params: dict[str, dict[str, Any]] = {}

    def wants(self, stage: str) -> bool:
        """Return whether ``stage`` is to run for this upload."""
        return self.stages is None or stage in self.stages


def parse(metadata: Mapping[str, str], stages: list[str]) -> Options:
    """Parse the options in an object's user metadata; other metadata is ignored.

    Args:
        metadata: user metadata without the ``x-amz-meta-`` prefix, as boto3 returns it.
        stages: the names of all stages.

    Raises:
        InvalidArgument: ``bad_option``, with the option and its allowed values.
    """
    chosen: list[str] | None = None
    params: dict[str, dict[str, Any]] = {}
    for header, text in metadata.items():
        name = header.lower().removeprefix(PREFIX)
        if name in {header.lower(), PASSTHROUGH}:
            continue
        if name == "stages":
            chosen = _stages(text, stages)
            continue
        stage, field = parameter(name, stages)
        refuse_path(PREFIX + name, field, text)
        params.setdefault(stage, {})[field] = value(text)
    return Options(stages=chosen, params=params)


def parameter(name: str, stages: list[str]) -> tuple[str, str]:
    """Return the stage and the parameter that an option's name means.

    Raises:
        InvalidArgument: ``bad_option``.
    """
    return _SHORT.get(name) or _split(name, stages)


def refuse_path(name: str, field: str, given: Any) -> None:
    """Reject a path as a model: an uploader must not choose a file on the worker.

    Args:
        name: name of the option, for the message.
        field: the parameter it means.
        given: its value.

    Raises:
        InvalidArgument: ``bad_option``.
    """
    if field == "model" and "/" in str(given):
        raise InvalidArgument(
            "bad_option",
            f"{name} is {given!r}: give a model by name here. Only this installation's settings "
            "may hold a path.",
        )


def pairs(given: list[str]) -> dict[str, str]:
    """Parse the ``NAME=VALUE`` pairs of a command line.

    Raises:
        InvalidArgument: ``bad_option``, when one has no equals sign.
    """
    read = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not equals:
            raise InvalidArgument("bad_option", f"{pair!r} is not an option: give NAME=VALUE.")
        read[name] = text
    return read


def value(text: str) -> Any:
    """Parse ``text`` as a parameter: a JSON list or object if it is one, else the text itself.

    Numbers and booleans stay text: the parameter's type converts them.
    """
    if text.startswith(("[", "{")):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(text)
    return text


def validate(model: type[BaseModel], stage: str, given: Mapping[str, Any]) -> BaseModel:
    """Return a stage's parameters, from the values given and the defaults.

    Raises:
        InvalidArgument: ``bad_option``, with each parameter that is unknown or out of range.
    """
    if unknown := sorted(set(given) - set(model.model_fields)):
        known = ", ".join(sorted(model.model_fields))
        raise InvalidArgument(
            "bad_option",
            f"{stage} has no parameter {', '.join(unknown)}. It has: {known}.",
        )
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InvalidArgument(
            "bad_option", f"A parameter of {stage} is not valid. {wrong}."
        ) from error


def _stages(text: str, known: list[str]) -> list[str]:
    chosen = [part.strip() for part in text.split(",") if part.strip()]
    if not chosen or set(chosen) - set(known):
        raise InvalidArgument(
            "bad_option",
            f"{PREFIX}stages is {text!r}; give one or more of {', '.join(known)}, with commas.",
        )
    return chosen


def _split(name: str, stages: list[str]) -> tuple[str, str]:
    for stage in stages:
        if name.startswith(f"{stage}-"):
            return stage, name.removeprefix(f"{stage}-").replace("-", "_")
    raise InvalidArgument(
        "bad_option",
        f"There is no option {PREFIX}{name}. There are {PREFIX}stages, "
        f"{', '.join(PREFIX + short for short in _SHORT)}, and {PREFIX}STAGE-PARAMETER.",
    )
