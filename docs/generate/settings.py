"""The page of settings, from the fields of ``Settings``."""

import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs.generate import text
from pipeline.core.settings import Settings

ROOT = Path(__file__).parents[2]
_CACHE = ".cache"


def page() -> str:
    """Return the page."""
    prefix = Settings.model_config.get("env_prefix", "")
    return text.page(
        [
            *text.heading(
                "Settings",
                "Settings are environment variables. AWS' own variables (`AWS_REGION`, "
                "`AWS_ENDPOINT_URL`,\n`AWS_PROFILE` and others) are boto3's. Sets and objects are "
                "given as JSON. The command line also reads\n`VIDEODROP_CLOUD`: with `aws` it "
                "talks to AWS instead of the stack on this machine. The fields are\nin "
                "[`pipeline/core/settings.py`](../../pipeline/core/settings.py).",
            ),
            *text.table(
                ["Variable", "Type", "Default", "Meaning"], _rows(Settings.model_fields, prefix)
            ),
        ]
    )


def _rows(fields: dict[str, FieldInfo], prefix: str) -> Iterator[list[str]]:
    for name, field in fields.items():
        variable = str(field.validation_alias or f"{prefix}{name.upper()}")
        yield [
            text.code(variable),
            _type(field.annotation),
            _default(field),
            text.cell(field.description or ""),
        ]
        for nested in _models(field.annotation):
            yield from _rows(nested.model_fields, f"{variable}__")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    for one in (annotation, *typing.get_args(annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            yield one


def _type(annotation: Any) -> str:
    """Return a type as Python writes it, without modules and constraints."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin is typing.Literal:
        return ", ".join(map(text.code, arguments))
    if origin in {types.UnionType, typing.Union}:
        # None is what a variable that is not set means.
        return " or ".join(_type(one) for one in arguments if one is not type(None))
    if origin:
        inner = ", ".join(_type(one).strip("`") for one in arguments)
        return text.code(f"{origin.__name__}[{inner}]")
    return text.code(getattr(annotation, "__name__", str(annotation)))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        # A value that depends on the machine is not the page's to tell.
        built = field.get_default(call_default_factory=True, validated_data={})
        return text.code(built) if built in ({}, []) else "depends on the machine"
    if field.default is None or field.default == frozenset():
        return ""
    if isinstance(field.default, Path):
        return text.code(_portable(field.default))
    value = field.default
    return text.code(re.sub(r"\.0$", "", f"{value}") if isinstance(value, float) else value)


def _portable(path: Path) -> str:
    if path.is_relative_to(ROOT):
        return path.relative_to(ROOT).as_posix()
    if _CACHE in path.parts:
        return "/".join(["~", *path.parts[path.parts.index(_CACHE) :]])
    return path.as_posix()
