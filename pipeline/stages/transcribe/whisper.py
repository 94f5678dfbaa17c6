"""The reference speech engine: openai-whisper on PyTorch."""

import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import device, engines, registry
from pipeline.stages.models.registry import Form
from pipeline.stages.models.weights import Weights
from pipeline.stages.transcribe import mel
from pipeline.stages.transcribe.engine import Heard, SpeechOptions
from pipeline.stages.transcribe.transcript import Segment, Word
from pipeline.telemetry import metrics, names

if TYPE_CHECKING:
    from pipeline.stages.transcribe.engine import Samples

NAME = "openai-whisper"
FORM: Form = "torch"

_log = logging.getLogger(__name__)


def version() -> str:
    """Return the version of the library; see ``engines.version``."""
    return engines.version(NAME, "openai-whisper")


def load(weights: Weights) -> "WhisperEngine":
    """Return the engine for these weights, loaded at the first call and cached.

    Raises:
        MissingDependency: ``model_format``: the file is not a Whisper checkpoint.
    """
    return _load(str(weights.path), weights.sha256, device.choose())


@lru_cache(maxsize=1)  # a second model would double the memory of the process
@metrics.timed(names.MODEL_LOAD, engine=NAME)
def _load(path: str, sha256: str, where: str) -> "WhisperEngine":
    import whisper  # noqa: PLC0415 - takes seconds to import

    _log.info("loading %s on %s", path, where)
    try:
        model = whisper.load_model(path, device=where)  # it reads with weights_only=True
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
        self.batch = 1  # ``whisper.transcribe`` takes one window
        self._fp16 = model.device.type == "cuda"
        known = tuple(LANGUAGES)[: model.num_languages]
        self.languages = known if model.is_multilingual else ("en",)

    def encode(self, windows: Sequence["Samples"]) -> list["Samples"]:
        """Return the windows: ``whisper.transcribe`` encodes them itself."""
        return list(windows)

    def detect_languages(self, encoded: Sequence["Samples"]) -> list[Mapping[str, float]]:
        """Return each window's languages by ``Whisper.detect_language``."""
        import torch  # noqa: PLC0415 - see above
        import whisper  # noqa: PLC0415 - see above

        mels = [
            whisper.pad_or_trim(
                whisper.log_mel_spectrogram(
                    window, self._model.dims.n_mels, padding=whisper.audio.N_SAMPLES
                ),
                whisper.audio.N_FRAMES,
            )
            for window in encoded
        ]
        batch = torch.stack(mels).to(self._model.device)
        _, answers = self._model.detect_language(batch.half() if self._fp16 else batch)
        return list(answers)

    def transcribe(
        self, encoded: Sequence["Samples"], languages: Sequence[str], options: SpeechOptions
    ) -> list[Heard]:
        """Transcribe each window by ``whisper.transcribe``.

        Windows are independent: no text is carried over from the previous one. So an error does
        not propagate, and windows can run in any order on any machine.
        """
        return [
            Heard(self._transcribed(window, language, options), len(window) / mel.RATE)
            for window, language in zip(encoded, languages, strict=True)
        ]

    def _transcribed(
        self, window: "Samples", language: str, options: SpeechOptions
    ) -> list[Segment]:
        import torch  # noqa: PLC0415 - see above
        import whisper  # noqa: PLC0415 - see above

        torch.manual_seed(0)  # fallback temperatures sample; the seed makes results reproducible
        answer = whisper.transcribe(
            self._model,
            window,
            language=language,
            task=options.task,
            beam_size=options.beam_size if options.beam_size > 1 else None,
            word_timestamps=options.word_times,
            initial_prompt=options.prompt,
            carry_initial_prompt=options.prompt is not None,
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
