"""Work in ranges for the toys: two of them, whose files S3 joins."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.location import size_of
from pipeline.core.ranges import Artifact, Part, Parts, Piece, Plan, Range, Work
from pipeline.core.stage import Report, Result, Source
from tests.fakes import toystage

BROKEN = "broken"  # start of the text whose merge names a file that does not exist
_SIZE = (5 << 20) + 1  # S3 copies pieces of this size and larger


def _plan(_source: Source, _params: toystage.Params, _report: Report) -> Plan:
    half = Range(name="half-0000", start_s=0, end_s=0.5)
    return Plan(ranges=(half, Range(name="half-0001", start_s=0.5, end_s=1)))


def _run_range(
    source: Source,
    _params: toystage.Params,
    _plan: Plan,
    _range: Range,
    _parts: Parts,
    work: Work,
    _report: Report,
) -> Part:
    assert size_of(source.path)
    name = f"{work.tag}.bin"
    (work.folder / name).write_bytes(bytes(_SIZE))
    return Part(interim=(name,))


def _merge(
    _source: Source,
    params: toystage.Params,
    _plan: Plan,
    parts: Parts,
    work: Path,
    _report: Report,
) -> Result:
    """Write a result as the toys do, and join the files of all parts."""
    names = [one.part.interim[0] for one in parts]
    assert parts[0].file(names[0]).stat().st_size == _SIZE
    if params.text.startswith(BROKEN):
        names[-1] = "missing.bin"
    (work / "said.json").write_text(json.dumps(params.text))
    said = Artifact(name="said.json", media_type="application/json", role="transcript_json")
    pieces = tuple(Piece(name=name, start=0, size=_SIZE) for name in names)
    joined = Artifact(name="joined.bin", media_type="video/mp4", role="joined", pieces=pieces)
    return Result(artifacts=[said, joined])


@contextmanager
def divided() -> Iterator[None]:
    """Divide the toys' work in the block; a range has one try."""
    functions: dict[str, Any] = {"plan": _plan, "run_range": _run_range, "merge": _merge}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDEODROP_MAX_ATTEMPTS", "1")
        for name, function in functions.items():
            patch.setattr(toystage, name, function, raising=False)
        yield
