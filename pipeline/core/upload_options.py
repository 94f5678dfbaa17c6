"""Per-upload options, given as S3 user metadata.

    x-amz-meta-videodrop-stages: transcode,transcribe     only these stages run
    x-amz-meta-videodrop-language: de                     short for transcribe-language
    x-amz-meta-videodrop-task: translate                  short for transcribe-task
    x-amz-meta-videodrop-detect-confidence: 0.4           any parameter of any stage

Lists are given as JSON: ``x-amz-meta-videodrop-transcode-rungs: [720, 360]``.
"""

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.core.errors import InvalidArgument

PREFIX = "videodrop-"
_SHORT = {"language": ("transcribe", "language"), "task": ("transcribe", "task")}


class Options(BaseModel):
    """What an uploader asked for: the stages to run (None for all) and parameters by stage."""

    stages: list[str] | None = None
    params: dict[str, dict[str, Any]] = {}

    def wants(self, stage: str) -> bool:
        """Whether ``stage`` shall run for this upload."""
        return self.stages is None or stage in self.stages


def parse(metadata: Mapping[str, str], stages: list[str]) -> Options:
    """Read the options among an object's user metadata; other people's metadata is ignored.

    Args:
        metadata: user metadata without the ``x-amz-meta-`` prefix, as boto3 gives it.
        stages: the stages there are.

    Raises:
        InvalidArgument: ``bad_option``, naming the option and what it may be.
    """
    chosen: list[str] | None = None
    params: dict[str, dict[str, Any]] = {}
    for header, text in metadata.items():
        name = header.lower().removeprefix(PREFIX)
        if name == header.lower():
            continue
        if name == "stages":
            chosen = _stages(text, stages)
            continue
        stage, field = parameter(name, stages)
        refuse_path(PREFIX + name, field, text)
        params.setdefault(stage, {})[field] = value(text)
    return Options(stages=chosen, params=params)


def parameter(name: str, stages: list[str]) -> tuple[str, str]:
    """The stage and the parameter that an option's name means.

    Raises:
        InvalidArgument: ``bad_option``.
    """
    return _SHORT.get(name) or _split(name, stages)


def refuse_path(name: str, field: str, given: Any) -> None:
    """See that strangers name a model, and do not point at a file of the worker's.

    Args:
        name: of the option, for the message.
        field: which parameter it means.
        given: what it is set to.

    Raises:
        InvalidArgument: ``bad_option``.
    """
    if field == "model" and "/" in str(given):
        raise InvalidArgument(
            "bad_option",
            f"{name} is {given!r}: models are given by name here. Paths are for this "
            "installation's own settings.",
        )


def pairs(given: list[str]) -> dict[str, str]:
    """Part ``NAME=VALUE`` pairs as a command line gives them.

    Raises:
        InvalidArgument: ``bad_option``, when one has no equals sign.
    """
    read = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not equals:
            raise InvalidArgument("bad_option", f"{pair!r} is no option: give NAME=VALUE.")
        read[name] = text
    return read


def value(text: str) -> Any:
    """What ``text`` means as a parameter: a JSON list or object if it is one, else itself.

    Numbers and truth values stay text: the parameter's own type says what they become.
    """
    if text.startswith(("[", "{")):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(text)
    return text


def validate(model: type[BaseModel], stage: str, given: Mapping[str, Any]) -> BaseModel:
    """Fill a stage's parameters from what was given for them.

    Raises:
        InvalidArgument: ``bad_option``, naming each parameter that is unknown or out of range.
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
