"""The stretch of a track of sound that a range encodes: whole frames of AAC on one grid.

Frame ``n`` is heard from sample ``n * 1024`` on, counted from the start of the film, at 48 kHz. The
first one, -1, primes decoders. An encoder begins some frames before the stretch and ends some
frames after it. Those are dropped, so that frames at a seam are like any others.
"""

import math
from dataclasses import dataclass

from pipeline.core.media_info import AudioStream
from pipeline.core.ranges import Range
from pipeline.stages.transcode import sound

RATE = sound.RATE
FRAME = 1024
_PRIMING = -1
# The encoder's choice of windows, and its bits to spare, follow from the frames before.
_LEAD = 64
# A frame overlaps with the next one, whose windows depend on the one after it.
_TRAIL = 4
_SETTLED_S = 1  # what resamplers and limiters remember is much shorter


@dataclass(frozen=True)
class Stretch:
    """Consecutive frames of a track.

    Attributes:
        first: number of the first frame.
        end: number of the frame after the last one; None for the end of the film.
        film_s: duration of the film.
    """

    first: int
    end: int | None
    film_s: float

    @property
    def whole(self) -> bool:
        """Return whether it is the whole track."""
        return self.first == _PRIMING and self.end is None

    @property
    def begin_s(self) -> int:
        """Return the time from which sound is decoded; 0 for the start of the file.

        Whole seconds have a whole number of samples at every rate, so a resampler has the same
        phase as in one pass.
        """
        begin_s = self._fed // RATE - _SETTLED_S
        return begin_s if begin_s > _SETTLED_S else 0

    @property
    def read_s(self) -> int:
        """Return the time from which packets are read: what decoders remember is shorter."""
        return max(0, self.begin_s - _SETTLED_S)

    @property
    def until_s(self) -> float:
        """Return the time at which the encoder's input ends."""
        return self.film_s if self.end is None else (self.end + _TRAIL) * FRAME / RATE

    @property
    def dropped(self) -> int:
        """Return how many of the encoder's frames come before the first one."""
        return self.first - self._fed // FRAME - _PRIMING

    @property
    def samples(self) -> int:
        """Return the number of samples that the encoder is given."""
        return round(self.until_s * RATE) - self._fed

    def filters(
        self, track: AudioStream, gain_db: float | None, *, places: str = "", surplus: int = 0
    ) -> str:
        """Return the filters of ffmpeg that give the encoder's input.

        Args:
            track: the record of the track.
            gain_db: of the loudness normalisation; None for none.
            places: an expression of the times at which samples are heard; their own if empty.
            surplus: samples to leave out at the beginning of the track.
        """
        begin_s = self.begin_s
        chain = []
        if begin_s:
            chain += [f"asetpts='{places}'"] if places else []
            chain += [f"atrim=start={begin_s}", f"asetpts=PTS-{begin_s}/TB"]
        elif surplus:
            chain.append(f"atrim=start_sample={surplus}")
        chain.append(sound.filters(track, self.until_s - begin_s, gain_db))
        if not self.whole:
            start = self._fed - begin_s * RATE
            # The last packet of a track may end after the film.
            end = "" if self.end is None else f":end_sample={start + self.samples}"
            chain += [f"atrim=start_sample={start}{end}", "asetpts=N/SR/TB"]
        return ",".join(chain)

    @property
    def _fed(self) -> int:
        """Return the first sample that the encoder is given, which begins a frame."""
        return 0 if self.first == _PRIMING else max(0, self.first - _LEAD) * FRAME


def of(range_: Range, film_s: float) -> Stretch:
    """Return the stretch of a range: the frames that begin within it."""
    first = _number(range_.start_s) if range_.start_s > 0 else _PRIMING
    return Stretch(first, _number(range_.end_s) if range_.end_s < film_s else None, film_s)


def _number(time_s: float) -> int:
    """Return the number of the first frame that begins at or after a time."""
    return math.ceil(time_s * RATE / FRAME - 1e-6)
