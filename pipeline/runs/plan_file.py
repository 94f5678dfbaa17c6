"""The files by which the workers of a spread run share its plan and its parts."""

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from pipeline.aws.run_files import PLAN, RunFiles
from pipeline.core.errors import VideodropError
from pipeline.core.events import Upload
from pipeline.core.media_info import Probe
from pipeline.core.planner import Intent
from pipeline.core.ranges import MERGE, Part, Plan, Range
from pipeline.core.records import Cost, PublishedArtifact
from pipeline.core.stage import StageModule


class PlanFile(BaseModel):
    """The content of ``parts/plan.json``: all that a range needs to know of its run.

    Attributes:
        upload: the source.
        probe: of the source.
        plan: its division.
        version: version of the stage's code.
        cost: of planning.
        in_parts: parts of the source were read, and not a copy.
        excerpts: start and end of the excerpt for each range, in a file of their own.
        excerpt_content: the content of that file, while it is not written.
    """

    model_config = ConfigDict(frozen=True)

    upload: Upload
    probe: Probe
    plan: Plan
    params: dict[str, JsonValue]
    given: dict[str, JsonValue] = {}
    identity: dict[str, str]
    version: str
    fingerprint: str
    cost: Cost
    in_parts: bool = False
    excerpts: dict[str, tuple[int, int]] = {}
    excerpt_content: bytes = Field(b"", exclude=True)

    @classmethod
    def of(cls, upload: Upload, intent: Intent, probe: Probe, plan: Plan, cost: Cost) -> "PlanFile":
        """Return the plan of a run with this intent."""
        return cls(
            upload=upload,
            probe=probe,
            plan=plan,
            params=intent.params.model_dump(mode="json"),
            given=intent.given,
            identity=intent.identity,
            version=intent.version,
            fingerprint=intent.fingerprint,
            cost=cost,
        )

    def intent(self, params: type[BaseModel]) -> Intent:
        """Return the intent of the run; ``params`` is the stage's model of parameters."""
        return Intent(
            wanted=True,
            params=params.model_validate(self.params),
            given=self.given,
            identity=self.identity,
            version=self.version,
            fingerprint=self.fingerprint,
        )

    def is_of(self, module: StageModule) -> bool:
        """Return True if a worker with this code, and its models, can do the ranges."""
        if self.version != module.VERSION:
            return False
        try:
            found = module.identity(self.intent(module.Params).params)
        except (VideodropError, ValidationError):
            return False  # it has no such model, or no such parameter
        return found == self.identity

    def range(self, name: str) -> Range:
        """Return a range by its name; the merge is a range of the whole video."""
        if name != MERGE:
            return next(one for one in self.plan.ranges if one.name == name)
        last = max(one.phase for one in self.plan.ranges)
        return Range(name=MERGE, start_s=0, end_s=self.probe.duration_s, phase=last + 1)

    def due(self, ended: frozenset[str]) -> list[str]:
        """Return the names of the ranges that can be done now: those of the first open phase.

        Args:
            ended: tags of the ranges that have ended.
        """
        done = names(ended)
        left = [one for one in self.plan.ranges if one.name not in done]
        first = min((one.phase for one in left), default=None)
        return [one.name for one in left if one.phase == first] or [MERGE]

    def completes(self, name: str, ended: frozenset[str]) -> bool:
        """Return True if all ranges of the phase of ``name`` have ended."""
        phase = self.range(name).phase
        return {one.name for one in self.plan.ranges if one.phase == phase} <= names(ended)

    def before(self, range_: Range, ended: frozenset[str]) -> list[str]:
        """Return the tags of the ranges whose parts a range reads, in the order of the plan."""
        tags = dict(zip(map(_name, ended), ended, strict=True))
        return [tags[one.name] for one in self.plan.ranges if range_.reads(one)]


class Plans:
    """Reads plans; a worker that does several ranges of a run reads its plan once."""

    def __init__(self) -> None:
        self._last: tuple[str, PlanFile] | None = None

    def read(self, files: RunFiles) -> PlanFile | None:
        """Return the plan of a run, which never changes; None if its form is another version's."""
        if self._last and self._last[0] == files.prefix:
            return self._last[1]
        try:
            found = PlanFile.model_validate_json(files.read(PLAN))
        except ValidationError:
            return None
        self._last = files.prefix, found
        return found


class PartFile(BaseModel):
    """The content of ``parts/{tag}.json``: the part that one attempt at a range made.

    Attributes:
        range: name of the range.
        part: as the stage made it.
        files: its artifacts, as they were published.
        cost: of the attempt.
    """

    model_config = ConfigDict(frozen=True)

    range: str
    part: Part
    files: list[PublishedArtifact]
    cost: Cost


def names(tags: frozenset[str]) -> set[str]:
    """Return the names of the ranges that made the parts with these tags."""
    return set(map(_name, tags))


def _name(tag: str) -> str:
    return tag.rpartition("-")[0]
