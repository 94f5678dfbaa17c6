"""The size, speed and accuracy of 8-bit weights.

    python benchmarks/weights.py

First, accuracy and CPU time of the sample Whisper on the held-out videos of `make accuracy`, as
published (fp16 in the file, fp32 on the CPU) and with 8 bits. Then sizes and CPU time of Whispers
of real size with random weights, which have the same speed. Each ratio is to fp32 in the same run;
the two alternate on one thread.
"""

import os
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

# Before torch is imported.
os.environ["OMP_NUM_THREADS"] = "1"

import torch
from whisper.model import ModelDimensions, Whisper

from pipeline.stages.models import bake, host, int8, weights
from pipeline.stages.transcribe import stage as transcribe
from samples import accuracy, held_out
from samples.scoring import Hearing

_SAMPLE = "whisper-shapes"
# n_mels, then context, state, heads and layers of encoder and decoder.
_REAL = {
    "tiny": ModelDimensions(80, 1500, 384, 6, 4, 51865, 448, 384, 6, 4),
    "base": ModelDimensions(80, 1500, 512, 8, 6, 51865, 448, 512, 8, 6),
    "small": ModelDimensions(80, 1500, 768, 12, 12, 51865, 448, 768, 12, 12),
}
_TURNS = 5
_TOKENS = 60


def main() -> None:
    """Measure and print two tables."""
    with tempfile.TemporaryDirectory() as folder:
        host.use(host.ModelHost(threads=1, device="cpu", model_dir=Path(folder)))
        bake.bake([f"{_SAMPLE}@int8"])
        _accuracy()
        for name, dims in _REAL.items():
            _speed(name, dims, Path(folder))


def _accuracy() -> None:
    print(f"{'sample model':28}{'fp32':>9}{'int8':>9}{'ratio':>8}")
    names = (_SAMPLE, f"{_SAMPLE}@int8")
    first = held_out.TRAIN_VOICES.files(accuracy.FOLDER)[0]
    accuracy.heard(first)  # a warm-up: the first use also compiles and loads code
    _row("file, unpacked, MB", *(_unpacked(weights.resolve(name).path) / 1e6 for name in names))
    for videos in (held_out.TRAIN_VOICES, held_out.UNSEEN_VOICES, held_out.UNSEEN_ACCENT):
        scores, seconds = [Hearing(), Hearing()], [0.0, 0.0]
        for video in videos.files(accuracy.FOLDER):
            _note(f"transcribing {video.name}")
            for turn, name in enumerate(names):
                params = transcribe.Params(model=name)
                accuracy.heard(video, params)  # loads the model
                began = time.process_time()
                words = accuracy.heard(video, params)
                seconds[turn] += time.process_time() - began
                scores[turn].add(accuracy.said(video), words)
        _row(f"WER %, {videos.name}", *(100 * score.word_error_rate for score in scores))
        _row("  word starts, median s", *(score.start_error(0.5) for score in scores))
        _row("  CPU s", *seconds)


def _speed(name: str, dims: ModelDimensions, folder: Path) -> None:
    _note(f"making a {name} with random weights")
    torch.manual_seed(0)
    model = Whisper(dims).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    plain, small = folder / "plain.pt", folder / "int8.pt"
    half = {key: tensor.half() for key, tensor in model.state_dict().items()}
    torch.save({"dims": vars(dims), "model_state_dict": half}, plain)
    int8.write(plain, small)
    both = (model, int8.load(small))
    sound = torch.randn(1, dims.n_mels, 3000)
    print(f"\n{name + ', random':28}{'fp32':>9}{'int8':>9}{'ratio':>8}")
    _row("file (fp16, int8), MB", *(path.stat().st_size / 1e6 for path in (plain, small)))
    with torch.inference_mode():
        heard = model.encoder(sound)
        _turns("30 s of sound, CPU s", [partial(one.encoder, sound) for one in both])
        _turns(f"{_TOKENS} tokens, CPU s", [partial(_decode, one, heard) for one in both])


def _decode(model: Any, heard: torch.Tensor) -> None:
    cache, hooks = model.install_kv_cache_hooks()
    for _ in range(_TOKENS):
        model.decoder(torch.tensor([[50258]]), heard, kv_cache=cache)
    for hook in hooks:
        hook.remove()


def _turns(what: str, calls: list[Callable[[], Any]]) -> None:
    seconds: list[list[float]] = [[], []]
    for _ in range(_TURNS):
        for own, call in zip(seconds, calls, strict=True):
            began = time.process_time()
            call()
            own.append(time.process_time() - began)
    _row(what, *(statistics.median(own) for own in seconds))


def _row(what: str, plain: float, reduced: float) -> None:
    ratio = f"{reduced / plain:8.2f}" if plain else f"{'-':>8}"
    print(f"{what:28}{plain:9.3f}{reduced:9.3f}{ratio}", flush=True)


def _unpacked(path: Path) -> int:
    """Return the bytes of a checkpoint's tensors; only the sample's file is compressed."""
    with zipfile.ZipFile(path) as archive:
        return sum(member.file_size for member in archive.infolist())


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
