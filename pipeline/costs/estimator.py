"""Estimates of a run's time and cost, from the project's own recorded run times."""

from collections.abc import Iterable, Mapping

from pipeline.aws.catalog.timings import Timing, recent
from pipeline.core.records import Cost, Estimate, StageResult, Video
from pipeline.core.topology import Topology
from pipeline.costs.run_price import Prices

# Used if no recorded run of any stage has a length.
_MEDIA_SECONDS = 60.0

_Kind = tuple[object, ...]
_ANY: _Kind = ()


class Estimator:
    """An estimator of runs. It uses the first of these that is known.

    1. The cost of this video's current result of the stage, if the same code and models made it.
       Parameters are not compared;
    2. the recorded runs of this stage with the same code and models, by the length of the video;
    3. the same with other code, 4. with other models;
    5. the topology's guess.

    Of recorded runs, the latest two months with any runs count.

    Args:
        timings: recorded run times, the latest month first; read once, at construction.
        prices: the price table.
        topology: the stages, and the guesses.

    Attributes:
        prices: as given.
    """

    def __init__(self, timings: Iterable[Timing], prices: Prices, topology: Topology) -> None:
        self.prices = prices
        self._stages = topology.stages
        self._totals = recent(
            timings, lambda one: (*_kinds(one.stage, one.identity, one.version), _ANY)
        )
        runs = self._totals.get(_ANY)
        self._media_seconds = runs.share(None).media_seconds if runs else _MEDIA_SECONDS

    def estimate(
        self, stage: str, identity: Mapping[str, str], version: str, video: Video
    ) -> tuple[Estimate, bool]:
        """Estimate a run.

        Args:
            stage: the stage.
            identity: the models and engines it would use.
            version: version of the stage's code.
            video: the video.

        Returns:
            The estimate, and True if it rests on recorded run times, False if it is a guess.
        """
        run = video.stages.get(stage)
        result = run.current_result if run else None
        if result and _is_like(result, identity, version):
            return self.price(stage, result.cost), True
        media_seconds = video.probe.duration_s if video.probe else None
        for kind in _kinds(stage, identity, version):
            if totals := self._totals.get(kind):
                return self.price(stage, totals.share(media_seconds)), True
        if media_seconds is None:
            media_seconds = self._media_seconds
        return self.price(stage, self._guess(stage, media_seconds, video.upload.size)), False

    def price(self, stage: str, cost: Cost) -> Estimate:
        """Return an estimate with the given cost and its price."""
        return Estimate(
            seconds=cost.seconds,
            gpu_seconds=cost.gpu_seconds,
            bytes_out=cost.bytes_out,
            usd=self.prices.run(
                memory_mb=self._stages[stage].memory_mb,
                seconds=cost.seconds,
                gpu_seconds=cost.gpu_seconds,
                files=cost.files,
                bytes_out=cost.bytes_out,
            ),
        )

    def _guess(self, stage: str, media_seconds: float, bytes_in: int) -> Cost:
        guess = self._stages[stage].guess
        seconds = guess.seconds_per_media_second * media_seconds
        return Cost(
            seconds=seconds,
            cpu_seconds=seconds,
            media_seconds=media_seconds,
            bytes_in=bytes_in,
            bytes_out=round(guess.bytes_per_source_byte * bytes_in),
            files=round(guess.files_per_media_second * media_seconds),
        )


def _is_like(result: StageResult, identity: Mapping[str, str], version: str) -> bool:
    """Return True if the same code and models made a result."""
    return result.identity == identity and result.version == version


def _kinds(stage: str, identity: Mapping[str, str], version: str) -> tuple[_Kind, ...]:
    """Return the kinds that a run belongs to, the narrowest first."""
    models = tuple(sorted(identity.items()))
    return (stage, models, version), (stage, models), (stage,)
