"""The training of `whisper-shapes.pt`: python -m samples.models.training.whisper_train.

It prints its progress. Every few minutes it writes its state, for a resume, and the current
checkpoint. The data is generated during the training.
"""

import argparse
import math
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from samples import grammar
from samples.chance import happens
from samples.models.training import pack
from samples.models.training.tiny_whisper import Batch, Losses, TinyWhisper, collate
from samples.models.training.vocabulary import Vocabulary, write
from samples.models.training.windows import Pool, Recorder, Window

SEED: Final = 20_25
STEPS: Final = 5300
_PEAK, _FLOOR, _WARM_UP = 2.5e-3, 2e-5, 150  # learning rates, steps
_REUSE: Final = 0.7  # share of reused windows: making a window takes as long as a step
_KEPT: Final = 240  # windows kept for reuse, per length
_FIRST, _POOL = 600, 6000  # utterances at the start and at the end
_AVERAGE: Final = 0.998  # of the exported weights, in steps
_SAVE_EVERY: Final = 50  # steps
_DONE: Final = 0.9999


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the curriculum: (windows, seconds) per batch, until a share of the steps."""

    until: float
    batches: tuple[tuple[int, int], ...]
    prompted: float


PHASES: Final = (
    Phase(0.33, ((12, 5), (10, 6), (8, 8)), 0.2),
    Phase(0.50, ((8, 8), (7, 10), (5, 14), (4, 20)), 0.4),
    Phase(1.00, ((3, 30), (3, 30), (4, 20), (6, 12)), 0.5),
)
"""Short windows train the sounds of words at a fifth of the cost of long ones. Long windows train
the positions of attention."""


def learning_rate(progress: float, step: int) -> float:
    """Return the rate: a warm-up, then a cosine to almost zero."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return min(1.0, (step + 1) / _WARM_UP) * (_FLOOR + (_PEAK - _FLOOR) * cosine)


class Feed(IterableDataset[Batch]):
    """A source of batches that reuses windows.

    It runs in a child process; `progress` is shared memory.
    """

    def __init__(self, vocabulary: Vocabulary, seed: int) -> None:
        self.vocabulary = vocabulary
        self.rng = random.Random(seed)
        self.pool = Pool(random.Random(seed + 1), _POOL)
        self.recorder = Recorder(vocabulary, self.pool, seed + 2)
        self.progress = torch.zeros(1).share_memory_()  # type: ignore[no-untyped-call]
        self._made: dict[int, list[Window]] = {}

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches without end."""
        self.pool.grow(_FIRST)
        while True:
            yield self.batch(phase_at(self.progress.item()))

    def batch(self, phase: Phase) -> Batch:
        """Return the next batch, with some bands of the spectrogram masked or moved."""
        self.pool.grow(8)
        count, seconds = self.rng.choice(phase.batches)
        batch = collate([self._window(seconds, phase.prompted) for _ in range(count)],
                        self.vocabulary)  # fmt: skip
        return batch._replace(mel=self._varied(batch.mel))

    def _window(self, seconds: int, prompted: float) -> Window:
        made = self._made.setdefault(seconds, [])
        if len(made) >= _KEPT // 6 and happens(self.rng, _REUSE):
            return self.rng.choice(made)
        window = self.recorder.window(seconds, prompted)
        if len(made) < _KEPT:
            made.append(window)
        else:
            made[self.rng.randrange(_KEPT)] = window
        return window

    def _varied(self, mel: torch.Tensor) -> torch.Tensor:
        """Stretch the mel axis like another vocal tract length, and mask a few bands."""
        changed = mel.clone()
        for row in range(len(mel)):
            if happens(self.rng, 0.5):
                changed[row] = _stretched(changed[row], self.rng.uniform(0.92, 1.09))
            if happens(self.rng, 0.4):
                width = self.rng.randint(1, 8)
                low = self.rng.randint(0, 80 - width)
                changed[row, low : low + width] = changed[row].mean()
        return changed


def _stretched(mel: torch.Tensor, factor: float) -> torch.Tensor:
    """Return the spectrogram [80, T] with band k moved to band k * factor."""
    source = (torch.arange(80) / factor).clamp(max=79)
    below = source.long()
    above = (below + 1).clamp(max=79)
    share = (source - below)[:, None]
    return mel[below] * (1 - share) + mel[above] * share


class Trainer:
    """The model, its optimiser and the running average of its weights."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.model = TinyWhisper(vocabulary)
        self.average = TinyWhisper(vocabulary)
        self.average.load_state_dict(self.model.state_dict())
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=_PEAK, betas=(0.9, 0.98), weight_decay=0.02
        )
        self.step = 0
        self.progress = 0.0

    def learn(self, batch: Batch) -> Losses:
        """Take one step."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.progress, self.step)
        losses: Losses = self.model(batch)
        loss = losses.text + 0.5 * losses.words + (1 - 0.6 * self.progress) * losses.aim
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(_AVERAGE, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            pairs = zip(self.average.parameters(), self.model.parameters(), strict=True)
            for slow, fast in pairs:
                slow.lerp_(fast, 1 - keep)
        return losses

    def state(self) -> dict[str, Any]:
        """Return the state for a resume."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "progress": self.progress,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Resume from a saved state."""
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.progress = state["step"], state["progress"]


class Clock:
    """The progress of the schedule, by steps or by time."""

    def __init__(self, steps: int, minutes: float | None) -> None:
        self._steps = steps
        self._last = time.monotonic()
        self._end = None if minutes is None else self._last + 60 * minutes

    def progress(self, trainer: Trainer) -> float:
        """Return the progress after a step; the rest is divided evenly."""
        if self._end is None:
            share = 1 / max(1, self._steps - trainer.step + 1)
        else:
            now = time.monotonic()
            share = (now - self._last) / max(1e-3, self._end - self._last)
            self._last = now
        done = trainer.progress + (1 - trainer.progress) * share
        return 1.0 if share >= 1 or done > _DONE else done


def phase_at(progress: float) -> Phase:
    """Return the phase of the curriculum."""
    return next(phase for phase in PHASES if progress < phase.until or phase is PHASES[-1])


def train(out: Path, work: Path, steps: int, minutes: float | None = None) -> None:
    """Train until `steps`, from the state in `work` if there is one.

    With `minutes`, the rest of the schedule is fitted into that time. On a busy machine, a short
    complete schedule gives a better model than a long one that is cut off.
    """
    clock = Clock(steps, minutes)
    torch.manual_seed(SEED)
    work.mkdir(parents=True, exist_ok=True)
    saved = work / "state.pt"
    vocabulary = Vocabulary(grammar.words())
    trainer = Trainer(vocabulary)
    if saved.exists():
        trainer.resume(torch.load(saved, weights_only=True))
    feed = Feed(vocabulary, SEED + trainer.step)
    feed.progress.fill_(trainer.progress)
    mean: list[float] = []
    for batch in DataLoader(feed, batch_size=None, num_workers=1, prefetch_factor=4):
        losses = trainer.learn(batch)
        trainer.progress = clock.progress(trainer)
        feed.progress.fill_(trainer.progress)
        now = [losses.text.item(), losses.words.item(), losses.aim.item(),
               losses.token_accuracy, losses.timestamp_accuracy, losses.word_accuracy]  # fmt: skip
        mean = [old * 0.95 + new * 0.05 for old, new in zip(mean or now, now, strict=True)]
        if trainer.step % 25 == 0:
            _report(trainer, mean)
        if trainer.step % _SAVE_EVERY == 0 or trainer.progress >= 1:
            partial = saved.with_suffix(".partial")
            torch.save(trainer.state(), partial)
            partial.replace(saved)
            pack.save(trainer.average.checkpoint(), out)
        if trainer.progress >= 1:
            write(grammar.words(), out.with_suffix(".vocabulary.json"))
            break


def _report(trainer: Trainer, mean: list[float]) -> None:
    text, words, aim, token, timestamp, word = mean
    print(
        f"{time.strftime('%H:%M:%S')} step {trainer.step}, {trainer.progress:.1%} "
        f"rate {trainer.optimiser.param_groups[0]['lr']:.1e} cpu {time.process_time() / 60:.1f} min"
        f" | loss text {text:.3f} words {words:.3f} aim {aim:.2f}"
        f" | right: tokens {token:.3f} timestamps {timestamp:.3f} words {word:.3f}",
        flush=True,
    )


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("samples/models/whisper-shapes.pt"))
    parser.add_argument("--work", type=Path, default=Path("build/training/whisper"),
                        help="the folder of the state for a resume")  # fmt: skip
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--minutes", type=float, help="fit the rest into this time")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS", "1")))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    train(arguments.out, arguments.work, arguments.steps, arguments.minutes)


if __name__ == "__main__":
    main()
