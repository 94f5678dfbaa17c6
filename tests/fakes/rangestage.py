"""A stage whose work divides into trivial ranges: words of a text, in two phases, and their sum."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipeline.core import in_place
from pipeline.core.location import Address
from pipeline.core.media_info import Probe
from pipeline.core.ranges import Artifact, Part, Parts, Piece, Plan, Range, Work
from pipeline.core.stage import Report, Result, Source

VERSION = "1"
_TEXT = "text/plain"


class Params(BaseModel):
    """The parameters.

    Attributes:
        text: a word for each range.
        capitals: a second phase has a range for each word of the first.
    """

    model_config = ConfigDict(frozen=True)

    text: str = "one two three"
    capitals: bool = True


def identity(_params: Params) -> dict[str, str]:
    return {}


def applies(_probe: Probe) -> bool:
    return True


def warm_up(_params: Params) -> None: ...


def plan(_source: Source, params: Params, report: Report) -> Plan:
    report(0.1)
    words = params.text.split()
    kinds = ("word", "capital") if params.capitals and len(words) > 1 else ("word",)
    ranges = [
        Range(
            name=f"{kind}-{number:04}",
            start_s=60 * number,
            end_s=60 * number + 60,
            phase=phase,
            needs=(f"word-{number:04}",) if phase else None,
        )
        for phase, kind in enumerate(kinds)
        for number in range(len(words))
    ]
    return Plan(ranges=tuple(ranges), data={"words": words})


def run_range(
    source: Source,
    _params: Params,
    plan: Plan,
    range_: Range,
    parts: Parts,
    work: Work,
    report: Report,
) -> Part:
    """Write a word and, to be read by later ranges, a copy of it; a capital needs the copy."""
    assert source.path.read(0, 1) if isinstance(source.path, Address) else source.path.exists()
    number = int(range_.name[-4:])
    if range_.phase == 0:
        word = str(plan.data["words"][number])
    else:
        (earlier,) = parts
        assert earlier.range.name == f"word-{number:04}"
        word = earlier.file(earlier.part.interim[0]).read_text().capitalize()
    report(0.5)
    name, copy = f"{work.tag}.txt", f"copy/{work.tag}.txt"
    (work.folder / name).write_text(word)
    (work.folder / "copy").mkdir(exist_ok=True)
    (work.folder / copy).write_text(word)
    artifact = Artifact(name=name, media_type=_TEXT, role="word")
    return Part(artifacts=(artifact,), interim=(copy,), data={"size": len(word)})


def merge(
    _source: Source, _params: Params, _plan: Plan, parts: Parts, work: Path, report: Report
) -> Result:
    """Write all words, and join them."""
    report(0.5)
    words = [one.file(one.part.artifacts[0].name).read_text() for one in parts]
    (work / "toy.txt").write_text(" ".join(words))
    pieces = tuple(
        Piece(name=one.part.artifacts[0].name, start=0, size=int(str(one.part.data["size"])))
        for one in parts
    )
    return Result(
        artifacts=[
            Artifact(name="toy.txt", media_type=_TEXT, role="toy_text"),
            Artifact(name="joined.txt", media_type=_TEXT, role="joined", pieces=pieces),
        ],
        summary={"words": len(words)},
        labels=["words"],
    )


def run(source: Source, params: Params, work: Path, report: Report) -> Result:
    return in_place.run(_Self, source, params, work, report)


class _Self:
    plan, run_range, merge = staticmethod(plan), staticmethod(run_range), staticmethod(merge)
