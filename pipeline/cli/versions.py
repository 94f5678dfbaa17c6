"""Commands: versions, diff, promote, rollback."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Annotated, Any

import typer
from rich.table import Table

from pipeline import bootstrap
from pipeline.cli import console
from pipeline.cli.arguments import AsJson, Reference
from pipeline.cli.console import clock, err, local, minute, out, plain, print_json
from pipeline.cli.lookup import connect, find
from pipeline.results.comparison import VersionDiff
from pipeline.results.comparison.labels import Interval
from pipeline.results.comparison.renditions import Rendition
from pipeline.results.versions import Version

_DIGITS = 12  # digits of a fingerprint to show

Stage = Annotated[str, typer.Argument(help="A stage, e.g. detect")]
Begins = Annotated[
    str, typer.Argument(help="The beginning of its fingerprint: see `videodrop versions`")
]
Row = tuple[str, str, str]


def versions(
    reference: Reference,
    *,
    stage: Annotated[str | None, typer.Option(help="Only of this stage")] = None,
    as_json: AsJson = False,
) -> None:
    """List all stored results of a video; each can be made current again."""
    settings, catalog = connect()
    video = find(reference, settings, catalog)
    found = bootstrap.versions(settings).of(video, stage)
    if as_json:
        print_json({"versions": [one.model_dump(mode="json") for one in found]})
        return
    _print_versions(found)
    if not found:
        err.print("No stage has a result of it yet.")


def diff(
    reference: Reference,
    stage: Stage,
    before: Annotated[
        str | None,
        typer.Argument(help="Beginning of a fingerprint; by default of the previous version"),
    ] = None,
    after: Annotated[
        str | None,
        typer.Argument(help="Beginning of a fingerprint; by default of the current version"),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Compare two versions: words, labels, renditions, files, settings, cost."""
    settings, catalog = connect()
    video = find(reference, settings, catalog)
    found = bootstrap.versions(settings).diff(video, stage, before=before, after=after)
    if as_json:
        print_json(found)
    else:
        _print_diff(found)


def promote(
    reference: Reference, stage: Stage, fingerprint: Begins, *, as_json: AsJson = False
) -> None:
    """Make a stored version the current one; nothing is computed."""
    settings, catalog = connect()
    video = find(reference, settings, catalog)
    _print_current(
        bootstrap.versions(settings).promote(video.video_id, stage, fingerprint), as_json=as_json
    )


def rollback(reference: Reference, stage: Stage, *, as_json: AsJson = False) -> None:
    """Make the previous version current; a second call goes one version further back."""
    settings, catalog = connect()
    video = find(reference, settings, catalog)
    _print_current(bootstrap.versions(settings).rollback(video.video_id, stage), as_json=as_json)


def _print_current(version: Version, *, as_json: bool) -> None:
    if as_json:
        print_json(version)
    else:
        out.print(
            f"{plain(version.stage)} is now {plain(version.fingerprint[:_DIGITS])}, "
            f"made {local(version.finished_at)}."
        )


def _print_versions(found: Iterable[Version]) -> None:
    """Print a line for each; of the parameters, those in which a stage's versions differ."""
    wide = out.width >= console.WIDE
    table = Table(box=None, pad_edge=False)
    for title in ("stage", "version", "", "made"):
        table.add_column(title, no_wrap=True)
    for title in (*(("code", "seconds", "MB") if wide else ()), "model", "parameters", "notes"):
        table.add_column(title, overflow="fold")
    for _, group in groupby(found, key=lambda version: version.stage):
        alike = list(group)
        telling = [
            name
            for name in sorted({name for one in alike for name in one.params})
            if any(one.params.get(name) != alike[0].params.get(name) for one in alike)
        ]
        for one in alike:
            costs = (plain(one.code_version), f"{one.cost.seconds:.1f}", f"{one.bytes / 1e6:.1f}")
            place = "before" if one.rollback_target else ""
            table.add_row(
                one.stage,
                plain(one.fingerprint[:_DIGITS]),
                "[green]current[/green]" if one.current else place,
                minute(one.finished_at),
                *(costs if wide else ()),
                plain(one.models.get("model", "")),
                plain(", ".join(f"{name}={one.params.get(name)}" for name in telling)),
                plain(", ".join(notice.code for notice in one.warnings)),
            )
    out.print(table)


def _print_diff(found: VersionDiff) -> None:
    table = Table(
        plain(found.stage),
        plain(found.before[:_DIGITS]),
        plain(found.after[:_DIGITS]),
        box=None,
        pad_edge=False,
    )
    for row in (*_made(found), *_words(found), *_labels(found), *_renditions(found)):
        table.add_row(*map(plain, row))
    out.print(table)


def _made(found: VersionDiff) -> Iterator[Row]:
    """Yield rows on code, models, cost and files."""
    if found.code_version:
        yield "code", str(found.code_version.before), str(found.code_version.after)
    for name, change in (found.params | found.models).items():
        yield name, _value(change.before), _value(change.after)
    for what, amount in (
        ("seconds", found.seconds),
        ("CPU seconds", found.cpu_seconds),
        ("GPU seconds", found.gpu_seconds),
    ):
        if amount.before or amount.after:
            yield what, f"{amount.before:,.1f}", f"{amount.after:,.1f}"
    yield "bytes", f"{found.bytes.before:,.0f}", f"{found.bytes.after:,.0f}"
    for notice in found.warnings_lost:
        yield notice.level, notice.code, ""
    for notice in found.warnings_gained:
        yield notice.level, "", notice.code
    for file in found.artifacts:
        yield file.name, _size(file.before), _size(file.after)


def _words(found: VersionDiff) -> Iterator[Row]:
    said = found.transcript
    if said is None:
        return
    edits = (
        f"{said.substitutions:,} substituted, {said.insertions:,} inserted, "
        f"{said.deletions:,} deleted"
    )
    rate = "" if said.wer is None else f"WER {said.wer * 100:.1f} %: "
    yield "words", f"{said.words:,}", rate + edits
    for change in said.changes:
        yield clock(change.time), change.before, change.after
    if said.unlisted:
        yield "", "", f"and {said.unlisted:,} more changes"


def _labels(found: VersionDiff) -> Iterator[Row]:
    seen = found.labels
    if seen is None:
        return
    yield from ((label, "", "gained") for label in seen.gained)
    yield from ((label, "", "lost") for label in seen.lost)
    for one in seen.changed:
        yield (
            f"{one.label}: objects, frames",
            f"{one.tracks_before}, {one.frames_before}",
            f"{one.tracks_after}, {one.frames_after}",
        )
        if one.only_after or one.only_before:
            yield f"{one.label}: only then", _spans(one.only_before), _spans(one.only_after)


def _renditions(found: VersionDiff) -> Iterator[Row]:
    rungs = found.renditions
    if rungs is None:
        return
    yield from ((one.name, _rung(one), "removed") for one in rungs.removed)
    yield from ((one.name, "", f"added: {_rung(one)}") for one in rungs.added)
    yield from ((one.name, _rung(one.before), _rung(one.after)) for one in rungs.changed)


def _value(value: Any) -> str:
    return "-" if value is None else str(value)


def _size(size: int | None) -> str:
    return "-" if size is None else f"{size:,}"


def _spans(intervals: Iterable[Interval]) -> str:
    return ", ".join(f"{clock(start)} to {clock(end)}" for start, end in intervals)


def _rung(one: Rendition) -> str:
    return f"{one.width}x{one.height}, {one.average_bandwidth / 1000:,.0f} kbit/s, {one.codecs}"
