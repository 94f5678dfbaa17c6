"""Checks of query parameters: a mistyped filter must not return everything."""

from collections.abc import Iterator
from difflib import get_close_matches

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from pipeline.api.problems import Problem
from pipeline.core import languages
from pipeline.core.errors import InvalidArgument


def language_code(given: str | None) -> str | None:
    """Return the code of a language that was asked for; None if none was.

    Raises:
        InvalidArgument: ``bad_language``.
    """
    code = languages.code(given)
    if given and code is None:
        raise InvalidArgument(
            "bad_language", f"{given} is not a language. Give its code, such as de."
        )
    return code


def known_only(request: Request) -> None:
    """Reject query parameters that the route does not have.

    Raises:
        Problem: 400 ``unknown_parameter``, with the known ones in ``known``.
    """
    route = request.scope["route"]
    if not (request.query_params and isinstance(route, APIRoute) and route.include_in_schema):
        return
    known = sorted(set(_names(route.dependant)))
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        few = [name[:100] for name in unknown[:5]]
        near = get_close_matches(few[0], known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        takes = ", ".join(known) if known else "none"
        raise Problem(
            400,
            "unknown_parameter",
            f"This address does not have the query parameter {', '.join(few)}.{hint} "
            f"It has: {takes}.",
            members={"unknown": few, "known": known},
        )


def _names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (one.alias or name for name, one in model.model_fields.items())
        else:
            yield field.alias
    for one in dependant.dependencies:
        yield from _names(one)
