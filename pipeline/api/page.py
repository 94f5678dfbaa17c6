"""The routes of the web page and of the API's documentation: static files."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from pipeline.api.context import Parts
from pipeline.api.headers import docs_policy, page_policy
from pipeline.core.setting_types import SignIn

_WEB = Path(__file__).with_name("web")

router = APIRouter(include_in_schema=False)


@router.get("/")
def index(parts: Parts) -> FileResponse:
    """Return the page with the library and the player."""
    provider = parts.settings.sign_in
    token_url = provider.token if provider else None
    upload_url = parts.receiver.parts.address("policy", "policy", 1, 0)
    return _page("index.html", page_policy(parts.artifacts.url("policy"), upload_url, token_url))


@router.get("/docs")
def docs() -> FileResponse:
    """Return the page that RapiDoc draws from the OpenAPI description."""
    return _page("docs.html", docs_policy())


@router.get("/sign-in")
def sign_in(parts: Parts) -> SignIn | None:
    """Return the provider that the page gets tokens from."""
    return parts.settings.sign_in


def mount(app: FastAPI) -> None:
    """Serve the pages' scripts, styles and icon below ``/web``."""
    app.mount("/web", StaticFiles(directory=_WEB), name="web")


def _page(name: str, policy: str) -> FileResponse:
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    return FileResponse(_WEB / name, headers=headers)
