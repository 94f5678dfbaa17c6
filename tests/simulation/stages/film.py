"""A stage whose work divides into two phases of ranges, which several workers share."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipeline.core import in_place
from pipeline.core.ranges import Artifact, Part, Parts, Plan, Range, Work
from pipeline.core.stage import Report, Result, Source
from tests.simulation.stages import mood

VERSION = "1"


class Params(BaseModel):
    """The parameters."""

    model_config = ConfigDict(frozen=True)

    word: str = "plain"


_NAMES = ("one", "two", "last")


def text(content: bytes, params: Params) -> str:
    return " ".join(f"{name}:{content.decode()}:{params.word}" for name in _NAMES)


def plan(_source: Source, _params: Params, report: Report) -> Plan:
    report(0.1)
    return Plan(
        ranges=(
            Range(name="one", start_s=0, end_s=1),
            Range(name="two", start_s=1, end_s=2),
            Range(name="last", start_s=0, end_s=2, phase=1, needs=("one",)),
        )
    )


def run_range(
    source: Source,
    params: Params,
    _plan: Plan,
    range_: Range,
    parts: Parts,
    work: Work,
    report: Report,
) -> Part:
    content = Path(source.path).read_bytes()
    mood.spend(content, report)
    if range_.phase:
        (one,) = parts
        assert one.file(one.part.interim[0]).read_bytes() == content
    name, interim = f"{work.tag}.txt", f"{work.tag}.interim"
    (work.folder / name).write_text(f"{range_.name}:{content.decode()}:{params.word}")
    (work.folder / interim).write_bytes(content)
    artifact = Artifact(name=name, media_type="text/plain", role="part")
    return Part(artifacts=(artifact,), interim=(interim,))


def merge(
    _source: Source, params: Params, _plan: Plan, parts: Parts, work: Path, _report: Report
) -> Result:
    said = " ".join(one.file(one.part.artifacts[0].name).read_text() for one in parts)
    (work / "whole.txt").write_text(said)
    return Result(
        artifacts=[Artifact(name="whole.txt", media_type="text/plain", role="whole")],
        summary={"text": said},
        labels=[params.word, "film"],
    )


def run(source: Source, params: Params, work: Path, report: Report) -> Result:
    return in_place.run(_Self, source, params, work, report)


class _Self:
    plan, run_range, merge = staticmethod(plan), staticmethod(run_range), staticmethod(merge)
