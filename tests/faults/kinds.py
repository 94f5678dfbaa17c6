"""The kinds of faults, as data: ``docs/reference/faults.md`` and the tests are made from them.

Moments, in the order of a run:

    claim       the claim is written
    fetch       the source is read
    work        ffmpeg runs
    publish     the file of the result is written
    manifest    its manifest is written
    record      the result is made current
    announce    the event of the run is sent
    delete      the message is deleted
"""

from dataclasses import dataclass
from typing import Literal

Moment = Literal["claim", "fetch", "work", "publish", "manifest", "record", "announce", "delete"]
MOMENTS: tuple[Moment, ...] = (
    *("claim", "fetch", "work", "publish", "manifest", "record", "announce", "delete"),
)

ONE = "succeeded, published once, announced once, nothing left"
"""The expectation of most."""
# The result could not be recorded after its manifest was written: it is published again.
TWO = "succeeded, published twice, announced once, nothing left"
# The same, unless the client's own retries outlast the outage.
EITHER = "succeeded, published once or twice, announced once, nothing left"
# Two revisions have a result each.
BOTH = "succeeded, published twice, announced twice, nothing left"


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        fault: what happens; ``tests/faults/faults.py`` has a function of this name.
        target: to which process, service or file.
        moment: of the run.
        late: after the request of that moment was carried out; otherwise before.
        expected: the end.
        quick: part of ``make test``; the others are run by ``make faults``.
    """

    fault: str
    target: str
    moment: Moment | None = None
    late: bool = False
    expected: str = ONE
    quick: bool = False

    @property
    def name(self) -> str:
        """Return its name."""
        when = f" {'after' if self.late else 'at'} {self.moment}" if self.moment else ""
        return f"{self.fault} {self.target}{when}"

    def holds(self, seen: str) -> bool:
        """Return whether what was seen is as expected."""
        ends = (self.expected.replace("once or twice", times) for times in ("once", "twice"))
        return seen in ends


def _killed() -> list[Kind]:
    """Return kills of the handler's process and of the whole worker, at every moment."""
    found = []
    for target in ("handler", "worker"):
        for moment in MOMENTS:
            for late in (False, True):
                if late and (moment == "work" or target == "worker"):
                    continue
                # Afterwards the result is stored, and the next try finds it.
                again = moment == "manifest" and late
                quick = target == "handler" and (moment, late) == ("manifest", True)
                found.append(Kind("kill", target, moment, late, TWO if again else ONE, quick))
    return found


_SERVICES = ("s3", "dynamodb", "sqs", "events")

KINDS: tuple[Kind, ...] = (
    *_killed(),
    Kind("kill", "ffmpeg", "work"),
    Kind("stop", "ffmpeg", "work"),
    *(Kind("stop", "handler", moment) for moment in ("fetch", "work", "record")),
    Kind("stop", "worker", "work", quick=True),
    Kind("stop", "worker", "publish"),
    *(Kind("take over from", "worker", moment) for moment in ("fetch", "publish", "record")),
    *(
        Kind("kill", "server", moment)
        for moment in ("claim", "fetch", "publish", "manifest", "record", "announce", "delete")
    ),
    Kind("stop", "server", "work"),
    Kind("cut the power of", "all", "work", quick=True),
    *(Kind("cut the power of", "all", moment) for moment in ("record", "delete")),
    Kind("take away", "s3", "work", quick=True),
    Kind("take away", "dynamodb", "work", expected=EITHER),
    *(Kind("take away", service, "work") for service in ("sqs", "events")),
    Kind("take away", "all services", "work"),
    Kind("take away", "s3 while it is read in parts"),
    *(
        Kind("answer 503 for", service, "work", expected=EITHER if service == "dynamodb" else ONE)
        for service in _SERVICES
    ),
    Kind("throttle every second request of", "s3"),
    Kind("throttle every second request of", "dynamodb"),
    Kind("delay by 2 s", "all services"),
    Kind("cut the body of", "the source"),
    Kind("cut the body of", "a part of the source", quick=True),
    Kind("lose the answer of", "s3", "publish"),
    Kind("lose the answer of", "s3", "manifest"),
    Kind("lose the answer of", "dynamodb", "claim", quick=True),
    Kind("lose the answer of", "dynamodb", "record"),
    Kind("lose the answer of", "events", "announce"),
    Kind("lose the answer of", "sqs", "delete"),
    Kind("fill", "the disk for work files"),
    Kind("put the clock 10 min forward of", "a worker"),
    Kind("put the clock 10 min back of", "a worker"),
    Kind("deliver twice", "the event"),
    Kind("deliver late", "the event of an older revision", expected=BOTH),
    Kind("delete", "the source", "work"),
    Kind("replace", "the source", "work", expected=BOTH),
    Kind("upload", "a damaged file", expected="failed as bad_input at the first try, nothing left"),
)
