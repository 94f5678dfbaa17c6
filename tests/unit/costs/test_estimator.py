"""Estimates of runs: their sources, and the order of precedence."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.aws.catalog.timings import Timing, Totals
from pipeline.core.events import Upload, parse
from pipeline.core.media_info import Probe
from pipeline.core.records import Cost, StageResult, StageRun, Video
from pipeline.core.topology import Topology
from pipeline.costs.estimator import Estimator
from pipeline.costs.run_price import Prices
from tests.conftest import topology_with
from tests.fakes import aws_events
from tests.fakes.timing import MODEL, result

UPLOAD = parse(aws_events.created(size=1000))
assert isinstance(UPLOAD, Upload)
OTHER = {"model": "large", "sha256": "01"}


class Recorded:
    """Return run times in the catalog's order: the latest month first."""

    def __init__(self, *results: StageResult) -> None:
        self._results = sorted(results, key=lambda one: one.finished_at, reverse=True)
        self.reads = 0

    def __iter__(self) -> Iterator[Timing]:
        self.reads += 1
        for one in self._results:
            yield Timing(
                month=f"{one.finished_at:%Y-%m}",
                stage=one.stage,
                version=one.version,
                identity=one.identity,
                totals=Totals(runs=1, **one.cost.model_dump()),
            )


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    return Topology.read(
        topology_with(
            {"toy": "tests.fakes.toystage", "twin": "tests.fakes.toystage"}, tmp_path / "t.json"
        )
    )


def video(
    media_seconds: float | None = 100, current: StageResult | None = None, **run: str
) -> Video:
    stages = {}
    if current:
        stages["toy"] = StageRun(
            stage="toy",
            state="succeeded",
            revision=UPLOAD.revision,
            sequencer=UPLOAD.sequencer,
            result=current,
            result_revision=run.get("result_revision", UPLOAD.revision),
        )
    probe = None
    if media_seconds is not None:
        probe = Probe(container="mov", duration_s=media_seconds, size_bytes=1000)
    return Video(video_id=UPLOAD.video_id, upload=UPLOAD, probe=probe, stages=stages)


def seconds(
    topology: Topology,
    *recorded: StageResult,
    of: Video | None = None,
    stage: str = "toy",
    identity: dict[str, str] = MODEL,
    version: str = "1",
) -> tuple[float, bool]:
    """Return expected seconds, and True if they rest on recorded runs."""
    estimator = Estimator(Recorded(*recorded), Prices.read(), topology)
    estimate, measured = estimator.estimate(stage, identity, version, of or video())
    return round(estimate.seconds, 6), measured


# -- this very video -----------------------------------------------------------------------------


def test_a_video_takes_what_it_took_before(topology: Topology):
    current = result(7, 100, gpu_seconds=7, bytes_out=5)
    estimator = Estimator(Recorded(result(90, 100)), Prices.read(), topology)
    estimate, measured = estimator.estimate("toy", MODEL, "1", video(current=current))
    assert (estimate, measured) == (estimator.price("toy", current.cost), True)
    assert (estimate.seconds, estimate.gpu_seconds, estimate.bytes_out) == (7, 7, 5)


@pytest.mark.parametrize("changed", [{"identity": OTHER}, {"version": "0"}])
def test_what_other_models_or_code_took_for_it_is_not_asked(
    topology: Topology, changed: dict[str, object]
):
    before = video(current=result(7, 100, **changed))
    assert seconds(topology, result(90, 100), of=before) == (90, True)


def test_what_another_upload_to_its_key_took_is_not_asked(topology: Topology):
    before = video(current=result(7, 100), result_revision="earlier")
    assert seconds(topology, result(90, 100), of=before) == (90, True)


# -- recorded runs -------------------------------------------------------------------------------


def test_recorded_runs_count_by_the_length_of_the_video(topology: Topology):
    recorded = [result(2, 10), result(28, 90)]
    assert seconds(topology, *recorded) == (30, True)
    assert seconds(topology, *recorded, of=video(50)) == (15, True)


def test_a_video_of_unknown_length_takes_what_the_average_run_takes(topology: Topology):
    assert seconds(topology, result(2, 10), result(28, 90), of=video(None)) == (15, True)


def test_stills_take_what_the_average_still_takes(topology: Topology):
    assert seconds(topology, result(2, 0), result(4, 0), of=video(0)) == (3, True)


def test_everything_is_in_proportion(topology: Topology):
    recorded = result(20, 50, gpu_seconds=10, bytes_out=3, files=6)
    estimator = Estimator(Recorded(recorded), Prices.read(), topology)
    estimate, _ = estimator.estimate("toy", MODEL, "1", video(100))
    twice = Cost(
        seconds=40,
        gpu_seconds=20,
        cpu_seconds=80,
        media_seconds=100,
        bytes_in=2000,
        bytes_out=6,
        files=12,
    )
    assert estimate.model_dump() == pytest.approx(estimator.price("toy", twice).model_dump())


def test_the_nearest_kin_is_believed(topology: Topology):
    same = result(1, 100)
    older = result(2, 100, version="0")
    other = result(3, 100, identity=OTHER)
    twin = result(4, 100, stage="twin")
    assert seconds(topology, same, older, other, twin) == (1, True)
    assert seconds(topology, older, other, twin) == (2, True)
    assert seconds(topology, other, twin) == (3, True)


def test_the_order_in_which_an_identity_is_written_does_not_matter(topology: Topology):
    turned = dict(reversed(MODEL.items()))
    assert seconds(topology, result(1, 100), result(9, 100, identity=OTHER), identity=turned) == (
        1,
        True,
    )


def test_the_latest_two_months_with_runs_count(topology: Topology):
    recorded = [result(1, 50, month=7), result(3, 50, month=3), result(90, 50, month=2)]
    assert seconds(topology, *recorded) == (4, True)


def test_everything_of_a_month_counts_or_nothing(topology: Topology):
    recorded = [
        result(seconds, 25, month=month, version=version)
        for month, version, seconds in [(11, "5", 1), (10, "4", 2), (10, "3", 3), (9, "2", 90)]
    ]
    assert seconds(topology, *recorded, of=video(75)) == (6, True)


def test_months_are_counted_for_each_kind_of_run(topology: Topology):
    """A model that was not used lately is estimated from the months in which it was."""
    recorded = [result(5, 100, month=month, identity=OTHER) for month in (9, 10, 11)]
    assert seconds(topology, result(1, 100, month=2), *recorded) == (1, True)


def test_timings_are_read_once(topology: Topology):
    recorded = Recorded(result(1))
    estimator = Estimator(recorded, Prices.read(), topology)
    for _ in range(3):
        estimator.estimate("toy", MODEL, "1", video())
    assert recorded.reads == 1


# -- guesses -------------------------------------------------------------------------------------


def test_a_stage_that_never_ran_is_guessed_by_the_topology(topology: Topology):
    estimator = Estimator(Recorded(), Prices.read(), topology)
    estimate, measured = estimator.estimate("transcode", {}, "1", video(200))
    guess = topology.stages["transcode"].guess
    assert not measured
    assert estimate.seconds == 200 * guess.seconds_per_media_second
    assert estimate.bytes_out == 1000 * guess.bytes_per_source_byte
    assert estimate.gpu_seconds == 0
    # A file a second of video, and its price: a PUT each.
    assert guess.files_per_media_second == 1
    bare = Cost(seconds=200, cpu_seconds=200, media_seconds=200, bytes_in=1000, bytes_out=2000)
    assert estimate.usd - estimator.price("transcode", bare).usd == pytest.approx(
        200 * 0.005 / 1000
    )


def test_a_stage_for_which_nothing_is_guessed_keeps_pace_with_the_video(topology: Topology):
    assert seconds(topology, of=video(200)) == (200, False)


def test_unknown_lengths_are_guessed_from_the_other_stages(topology: Topology):
    unknown = video(None)
    assert seconds(topology, of=unknown) == (60, False)
    others = [result(1, 10), result(1, 30)]
    assert seconds(topology, *others, of=unknown, stage="twin") == (20, False)


# -- prices --------------------------------------------------------------------------------------


def test_a_run_that_happened_is_priced_by_its_stages_memory(topology: Topology):
    estimator = Estimator(Recorded(), Prices.read(), topology)
    cost = Cost(seconds=100, cpu_seconds=1, media_seconds=1, bytes_in=1, bytes_out=2**30, files=999)
    priced = estimator.price("transcode", cost)
    assert (priced.seconds, priced.gpu_seconds, priced.bytes_out) == (100, 0, 2**30)
    # 4 GB for 100 s 0.00666688; S3 0.0280012; 8 SQS requests and an event 0.0000042;
    # 19 + 5 * 5 + 3 * 20 writes and 8 reads 0.000066.
    assert priced.usd == pytest.approx(0.03473828, rel=1e-5)
    smaller = estimator.price("thumbnail", cost)
    assert priced.usd - smaller.usd == pytest.approx(2 * 100 * 0.0000166667)


def test_every_stage_of_the_project_has_a_guess_of_its_own():
    raw = json.loads(
        (Path(__file__).parents[3] / "pipeline" / "core" / "topology.json").read_bytes()
    )
    assert all("guess" in stage for stage in raw["stages"].values())
