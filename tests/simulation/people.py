"""The people of a history: they upload, delete, restore, replay, roll back and clear up."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline import bootstrap
from pipeline.aws.clients import ERRORS as AWS_ERRORS
from pipeline.core.errors import VideodropError
from pipeline.core.events import video_id
from pipeline.replays.request import ReplayRequest
from pipeline.results.retention import Policy
from tests.simulation.installation import KEYS
from tests.simulation.scheduler import Process

if TYPE_CHECKING:
    from tests.simulation.history import History

_CONTENTS = (b"first", b"second", b"bad one")
_WAITS_S = (0.0, 0.3, 4.0, 25.0, 100.0)
_WORDS = ("plain", "other", "third")


class Person:
    """A person, who uses the API's parts.

    Args:
        history: the history.
    """

    def __init__(self, history: "History") -> None:
        self._history = history
        self._choices = history.choices
        self._config = history.installation.config
        self._s3 = history.installation.s3
        self._bucket = history.names.uploads_bucket

    def upload(self, key: str | None = None, content: bytes | None = None) -> None:
        """Put a file into the bucket, as any client of S3 does."""
        key = key or self._key()
        content = content or _CONTENTS[self._choices.below(len(_CONTENTS))]
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)

    def upload_again(self) -> None:
        """Upload other content to the first key."""
        self.upload(KEYS[0], _CONTENTS[1])

    def upload_same(self) -> None:
        """Upload the same bytes to the same key."""
        self.upload(KEYS[0], _CONTENTS[0])

    def upload_copy(self) -> None:
        """Upload the same bytes to another key."""
        self.upload(KEYS[1], _CONTENTS[0])

    def delete_object(self) -> None:
        """Delete a file in the bucket."""
        self._s3.delete_object(Bucket=self._bucket, Key=self._key())

    def delete(self) -> None:
        """Delete a video by the API."""
        bootstrap.deletions(self._config).delete(self._video())

    def restore(self) -> None:
        """Restore a deleted video."""
        bootstrap.deletions(self._config).restore(self._video())

    def replay(self, **more: Any) -> None:
        """Replay everything with another parameter."""
        word = _WORDS[1 + self._choices.below(2)]
        params = {stage: {"word": word} for stage in self._config.topology.stages}
        request = ReplayRequest(params=params, **more)
        bootstrap.replays(self._config).start(request)

    def compare(self) -> None:
        """Replay everything in the shadow of current results."""
        self.replay(shadow=True)

    def retry(self) -> None:
        """Replay what has failed."""
        bootstrap.replays(self._config).start(ReplayRequest(failed=True))

    def cancel(self) -> None:
        """Cancel the latest replay."""
        self._ask("cancel")

    def pause(self) -> None:
        """Pause the latest replay, and resume it later."""
        self._ask("pause")
        self._history.scheduler.sleep(30)
        self._ask("run")

    def roll_back(self) -> None:
        """Make an earlier result current."""
        stages = list(self._config.topology.stages)
        stage = stages[self._choices.below(len(stages))]
        bootstrap.versions(self._config).rollback(self._video(), stage)

    def prune(self) -> None:
        """Remove results that are not current."""
        before = datetime.fromtimestamp(self._history.scheduler.now - 20, UTC)
        bootstrap.retention(self._config).prune(Policy(keep=0, before=before))

    def redrive(self) -> None:
        """Send dead-lettered messages again."""
        bootstrap.redrive(self._config).run()

    def _ask(self, desired: Any) -> None:
        replays = bootstrap.replays(self._config)
        latest = next(replays.newest(at_once=1), None)
        if latest:
            replays.ask(latest.replay_id, desired)

    def _key(self) -> str:
        return KEYS[self._choices.below(4) == 3]

    def _video(self) -> str:
        return video_id(self._bucket, self._key())


_ACTIONS: tuple[Callable[[Person], None], ...] = (
    Person.upload,
    Person.upload_again,
    Person.upload_again,
    Person.upload_same,
    Person.upload_copy,
    Person.replay,
    Person.replay,
    Person.delete,
    Person.delete,
    Person.delete_object,
    Person.restore,
    Person.compare,
    Person.retry,
    Person.cancel,
    Person.pause,
    Person.roll_back,
    Person.prune,
    Person.redrive,
)


def start(history: "History") -> None:
    """Have people come, one after another: the first uploads a video."""
    choices, moment = history.choices, history.scheduler.now
    first = _CONTENTS[2 if choices.chance(0.1) else 0]
    _come(history, moment, "upload", lambda one: one.upload(KEYS[0], first))
    for _ in range(history.plan.actions):
        moment += _WAITS_S[choices.below(len(_WAITS_S))]
        act = _ACTIONS[choices.below(len(_ACTIONS))]
        _come(history, moment, act.__name__, act)


def redrive(history: "History") -> None:
    """Have somebody send all dead-lettered messages again."""
    _come(history, history.scheduler.now, "redrive", Person.redrive)


def _come(history: "History", moment: float, name: str, act: Callable[[Person], None]) -> None:
    def begin() -> None:
        process = history.process(name)
        history.scheduler.start(process, lambda: _try(history, process, act))

    history.scheduler.at(moment, begin)


def _try(history: "History", _process: Process, act: Callable[[Person], None]) -> None:
    try:
        act(Person(history))
    except (VideodropError, *AWS_ERRORS):
        return
