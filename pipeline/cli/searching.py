"""The command ``search``: moments in all videos, and the index of older results."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from pipeline import bootstrap
from pipeline.aws.catalog import Catalog, listing
from pipeline.cli import bars, selecting
from pipeline.cli.arguments import AsJson
from pipeline.cli.console import clock, err, out, plain, print_json
from pipeline.cli.lookup import connect
from pipeline.core import languages
from pipeline.core.errors import InvalidArgument
from pipeline.core.records import Video
from pipeline.core.settings import Settings
from pipeline.core.status import ListedStatus
from pipeline.results.search import moments, query
from pipeline.results.search.moments import MomentPage, MomentView
from pipeline.results.search.reindex import reindex
from pipeline.results.search.snippets import Snippet

_PAGE = 20
_EMPTY_PAGES = 25  # after which a rare match is not looked for any further


def search(
    words: Annotated[
        str, typer.Argument(metavar="QUERY", help='Words, "phrases", -excluded, begin*')
    ] = "",
    *,
    label: Annotated[
        list[str] | None, typer.Option(help="With this label in view; may be repeated")
    ] = None,
    within: Annotated[
        float, typer.Option(min=0, max=9999, help="Seconds within which all of it happens")
    ] = query.WITHIN_S,
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Only labels that are at least so sure, 0 to 1")
    ] = 0.0,
    language: Annotated[str | None, typer.Option(help="Only speech in this language")] = None,
    status: Annotated[ListedStatus | None, typer.Option(help="Only videos in this status")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only uploads since: 7d, 12h, or a date such as 2026-01-31")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many moments at most")] = _PAGE,
    again: Annotated[
        bool, typer.Option("--reindex", help="Index the results of earlier versions instead")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find the moments in which words are said, objects are in view, or both."""
    settings, catalog = connect()
    if again:
        _reindex(settings, catalog, as_json=as_json)
        return
    code = languages.code(language)
    if language and code is None:
        raise InvalidArgument("bad_option", f"--language {language} is not a language's code.")
    asked = query.Query(
        words,
        labels=tuple(dict.fromkeys(one.lower() for one in label or [])),
        within_s=within,
        min_confidence=min_confidence,
        language=code,
        status=status,
        after=selecting.moment(since, datetime.now(UTC)) if since else None,
    )
    found, complete = _moments(settings, asked, limit)
    if as_json:
        print_json({"moments": [one.model_dump(mode="json") for one in found]})
    elif found:
        _print(found)
    elif complete:
        err.print("Nothing matches.")
    if not complete:
        err.print("Not all videos were searched: this is rare. --since looks at fewer.")


def _moments(settings: Settings, asked: query.Query, limit: int) -> tuple[list[MomentView], bool]:
    """Return moments, and False if a rare match was not looked for to the end."""
    finder, sign = bootstrap.search(settings), bootstrap.artifacts(settings).url
    found: list[MomentView] = []
    cursor, empty = None, 0
    while len(found) < limit and empty < _EMPTY_PAGES:
        some = finder.find(asked, cursor=cursor, limit=min(_PAGE, limit - len(found)))
        shown: MomentPage = moments.page(some, sign)
        found += shown.moments
        cursor = shown.next_cursor
        empty = 0 if shown.moments else empty + 1
        if cursor is None:
            break
    return found, empty < _EMPTY_PAGES or cursor is None


def _print(found: list[MomentView]) -> None:
    table = Table("video", "time", "what is said", box=None, pad_edge=False)
    for one in found:
        silent = Text("in view" if one.end > 0 else "in its name", style="dim")
        said = _marked(one.snippet) if one.snippet else silent
        table.add_row(plain(one.name), clock(one.start), said)
    out.print(table)


def _marked(snippet: Snippet) -> Text:
    text = Text(snippet.text)
    for mark in snippet.marks:
        text.stylize("bold", mark.start, mark.end)
    return text


def _reindex(settings: Settings, catalog: Catalog, *, as_json: bool) -> None:
    known, videos, written = bootstrap.standings(settings), 0, 0
    with bars.CountBar(err, "videos", quiet=as_json) as bar:
        for video in _all(catalog):
            written += reindex(catalog, known, video)
            videos += 1
            bar.show("", videos)
    if as_json:
        print_json({"videos": videos, "indexed": written})
    else:
        out.print(f"{videos:,} videos: {written:,} results were not in the index, and are now.")


def _all(catalog: Catalog) -> Iterator[Video]:
    for _, video in listing.read(catalog, catalog.timeline.newest()):
        if video and not video.deleted_at:
            yield video
