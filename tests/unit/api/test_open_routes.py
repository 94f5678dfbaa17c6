"""Behind a JWT authorizer what holds data is closed, and what a page is made of is open."""

import re
from collections.abc import Iterable, Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from pipeline.api import page, playlist
from tests.fakes.gateway import OPEN, is_open
from tests.fakes.query import app

APP = app()


def routes(given: Iterable[BaseRoute] = APP.routes) -> Iterator[tuple[str, str, BaseRoute]]:
    """Yield each method and path of the app, with an example of the path's parameters."""
    for route in given:
        if isinstance(route, Mount):
            yield from ((method, f"{route.path}/x", route) for method in ("GET", "HEAD"))
        elif router := getattr(route, "original_router", None):
            yield from routes(router.routes)
        else:
            assert isinstance(route, Route)
            methods = set(route.methods or ())
            for method in methods | ({"HEAD"} if "GET" in methods else set()):
                yield method, re.sub(r"\{[^}]+\}", "x", route.path), route


def is_static(route: BaseRoute) -> bool:
    if isinstance(route, Mount):
        return isinstance(route.app, StaticFiles)
    return isinstance(route, Route) and (
        route.endpoint.__module__ == page.__name__ or route.path == APP.openapi_url
    )


def calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for one in dependant.dependencies:
        yield from calls(one)


def test_what_is_open_holds_no_data_or_checks_a_signature():
    found = {(method, path): route for method, path, route in routes() if is_open(method, path)}
    for asked, route in found.items():
        signed = isinstance(route, APIRoute) and playlist.signed in calls(route.dependant)
        assert signed or is_static(route), asked


def test_whatever_a_page_is_made_of_is_open():
    static = [(method, path) for method, path, route in routes() if is_static(route)]
    asked = [one for one in static if one[0] in {"GET", "HEAD"}]
    assert [one for one in asked if not is_open(*one)] == []


def test_nothing_is_open_that_is_not_there():
    asked = [f"{method} {path}" for method, path, _ in routes()]
    for key in OPEN:
        assert [one for one in asked if one.startswith(key.removesuffix("{proxy+}"))], key


def test_what_is_open_cannot_be_mistaken_for_anything_else():
    # Whether or not a gateway decodes %2F before it looks, its first part is a word of ours.
    assert all(re.fullmatch(r"(GET|HEAD) /(\w[\w.-]*(/\{proxy\+\})?)?", key) for key in OPEN)
    first = {route.path.split("/")[1] for *_, route in routes()}  # type: ignore[attr-defined]
    assert {"", "videos", "playlists"} < first
    assert not [word for word in first if "{" in word]
