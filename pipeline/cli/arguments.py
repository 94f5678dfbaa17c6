"""Arguments and options that several commands share."""

from itertools import islice
from typing import Annotated

import typer

from pipeline.aws import clients as aws
from pipeline.cli import lookup
from pipeline.core.errors import VideodropError

_COMPLETED = 100  # the newest videos


def _videos(begun: str) -> list[str]:
    """Return the names of the newest videos that begin so, for completion."""
    try:
        _, catalog = lookup.connect()
        ids = [place.rpartition("#")[2] for place in islice(catalog.timeline.newest(), _COMPLETED)]
        names = [upload.name for upload in catalog.uploads(ids).values()]
    except (VideodropError, *aws.ERRORS):
        return []  # the shell shows no error
    return [name for name in names if name.startswith(begun)]


AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output")]
Reference = Annotated[
    str,
    typer.Argument(
        help="A video's id or its beginning, its file name or a part of it",
        autocompletion=_videos,
    ),
]
