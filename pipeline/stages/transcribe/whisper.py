"""The reference speech engine: openai-whisper on torch."""

import logging
import math
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import device, engines, registry
from pipeline.stages.models.weights import Weights
from pipeline.stages.transcribe.engine import Speaking
from pipeline.stages.transcribe.transcript import Segment, Word
from pipeline.telemetry import metrics, names

if TYPE_CHECKING:
    from pipeline.stages.transcribe.engine import Samples

NAME = "openai-whisper"

_log = logging.getLogger(__name__)


def version() -> str:
    """Return the version of the library; see ``engines.version``."""
    return engines.version(NAME, "transcribe")


def load(weights: Weights) -> "WhisperEngine":
    """Return the engine for these weights, loaded at the first call and cached.

    Raises:
        MissingDependency: ``model_format``: the file is not a Whisper checkpoint.
    """
    where = device.choose()
    return _load(str(weights.path), weights.sha256, where)


@lru_cache(maxsize=1)  # a second model would double the memory of the process
@metrics.timed(names.MODEL_LOAD, engine=NAME)
def _load(path: str, sha256: str, where: str) -> "WhisperEngine":
    import whisper  # noqa: PLC0415 - takes seconds to import

    _log.info("loading %s on %s", path, where)
    try:
        model = whisper.load_model(path, device=where)  # which reads with weights_only=True
    except Exception as error:
        raise MissingDependency(
            "model_format", f"{path} cannot be loaded as a Whisper checkpoint ({error!r:.200})."
        ) from error
    for known in registry.models().values():
        if known.kind == "speech" and known.sha256 == sha256:
            # load_model sets these only when called with the name; word times depend on them.
            heads = whisper._ALIGNMENT_HEADS[known.name.removesuffix(".pt")]  # noqa: SLF001 - no other way
            model.set_alignment_heads(heads)
            break
    if model.device.type == "cuda":
        halve(model)
    device.pin_threads()
    return WhisperEngine(model)


def halve(model: Any) -> None:
    """Convert weights to fp16 once, instead of at each use.

    Use it on a GPU, where audio is fp16: results are bit-identical, and most of the model takes
    half the memory. Norms are computed in fp32 and keep their weights.
    """
    from whisper.model import Conv1d, Linear  # noqa: PLC0415 - imports torch

    for module in model.modules():
        if isinstance(module, Conv1d | Linear):
            module.half()


class WhisperEngine:
    """A loaded Whisper model; see ``SpeechEngine``."""

    def __init__(self, model: Any) -> None:
        from whisper.tokenizer import LANGUAGES, get_tokenizer  # noqa: PLC0415 - imports torch

        with warnings.catch_warnings():
            # It does not close its vocabulary's file. After the first read it is cached.
            warnings.simplefilter("ignore", ResourceWarning)
            get_tokenizer(model.is_multilingual, num_languages=model.num_languages)
        self._model = model
        self._fp16 = model.device.type == "cuda"
        known = tuple(LANGUAGES)[: model.num_languages]
        self.languages = known if model.is_multilingual else ("en",)

    def detect_language(self, windows: Sequence["Samples"]) -> tuple[str, float]:
        """Return the language with the highest probability averaged over the windows."""
        import torch  # noqa: PLC0415 - see above
        import whisper  # noqa: PLC0415 - see above

        mels = [
            whisper.pad_or_trim(
                whisper.log_mel_spectrogram(
                    window, self._model.dims.n_mels, padding=whisper.audio.N_SAMPLES
                ),
                whisper.audio.N_FRAMES,
            )
            for window in windows
        ]
        batch = torch.stack(mels).to(self._model.device)
        _, answers = self._model.detect_language(batch.half() if self._fp16 else batch)
        mean = {code: sum(one[code] for one in answers) / len(answers) for code in answers[0]}
        best = max(mean, key=lambda code: mean[code])
        return best, mean[best]

    def transcribe(self, window: "Samples", how: Speaking) -> list[Segment]:
        """Transcribe the window by ``whisper.transcribe``.

        Windows are independent: no text is carried over from the previous one. So an error does
        not propagate, and windows can run in any order on any machine.
        """
        import torch  # noqa: PLC0415 - see above
        import whisper  # noqa: PLC0415 - see above

        torch.manual_seed(0)  # fallback temperatures sample; the seed makes results reproducible
        answer = whisper.transcribe(
            self._model,
            window,
            language=how.language,
            task=how.task,
            beam_size=how.beam_size if how.beam_size > 1 else None,
            word_timestamps=how.word_times,
            initial_prompt=how.prompt,
            carry_initial_prompt=how.prompt is not None,
            condition_on_previous_text=False,
            fp16=self._fp16,
        )
        return [_segment(raw) for raw in answer["segments"] if raw["text"].strip()]


def _segment(raw: dict[str, Any]) -> Segment:
    words = [
        Word(
            text=word["word"],
            start=float(word["start"]),
            end=float(word["end"]),
            probability=round(float(word["probability"]), 4),
        )
        for word in raw.get("words", [])
    ]
    return Segment(
        text=raw["text"].strip(),
        start=float(raw["start"]),
        end=float(raw["end"]),
        probability=round(math.exp(min(0.0, raw["avg_logprob"])), 4),
        words=words,
    )
