"""Routes: the web page and the API's documentation, static files of our own and nothing else."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from pipeline.api.context import Parts
from pipeline.api.headers import page_policy
from pipeline.core.settings import SignIn

_WEB = Path(__file__).with_name("web")

router = APIRouter(include_in_schema=False)


@router.get("/")
def index(parts: Parts) -> FileResponse:
    """The library and the player."""
    return _page("index.html", parts)


@router.get("/docs")
def docs(parts: Parts) -> FileResponse:
    """What the API offers, drawn from its OpenAPI description."""
    return _page("docs.html", parts)


@router.get("/sign-in")
def sign_in(parts: Parts) -> SignIn | None:
    """Where the page gets tokens, for those who have none yet."""
    return parts.settings.sign_in


def mount(app: FastAPI) -> None:
    """Serve the pages' scripts, styles and icon below ``/web``."""
    app.mount("/web", StaticFiles(directory=_WEB), name="web")


def _page(name: str, parts: Parts) -> FileResponse:
    provider = parts.settings.sign_in
    headers = {
        "Content-Security-Policy": page_policy(
            parts.artifacts.url("policy"), provider.token if provider else None
        ),
        "Cache-Control": "no-cache",
    }
    return FileResponse(_WEB / name, headers=headers)
