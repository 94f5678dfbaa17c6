"""The default speech engine: Whisper on CTranslate2, without torch.

Weights have 8 bits on CPUs and 16 bits on GPUs. https://opennmt.net/CTranslate2/
"""

import json
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import device, engines, host
from pipeline.stages.models.registry import Form
from pipeline.stages.models.weights import Weights
from pipeline.stages.transcribe import alignment, mel
from pipeline.stages.transcribe.decoding import Decoded, Draft, divide
from pipeline.stages.transcribe.engine import Heard, SpeechOptions
from pipeline.stages.transcribe.tokens import Tokens
from pipeline.stages.transcribe.transcript import Segment, Word
from pipeline.telemetry import metrics, names

if TYPE_CHECKING:
    from pipeline.stages.transcribe.engine import Samples

NAME = "ctranslate2"
FORM: Form = "ctranslate2"

_log = logging.getLogger(__name__)
_CPU_BATCH = 4  # windows that are decoded at once take half as long; more gain little
_GPU_BATCH = 16
_POSITIONS = 448  # tokens of prompt and text in all official models
# Silence after a window, in frames. The models are trained with windows padded to 30 s. With 10 s
# the text is as good and encoding takes less; with 1 s they invent text after the end.
_PADDING = 1000
_ATTEMPTS: tuple[dict[str, Any], ...] = (
    {"beam_size": 5},
    {"beam_size": 1, "sampling_topk": 0, "sampling_temperature": 0.4},
    {"beam_size": 1, "sampling_topk": 0, "sampling_temperature": 0.8},
)


def version() -> str:
    """Return the version of the library; see ``engines.version``."""
    return engines.version(NAME, "transcribe")


def load(weights: Weights) -> "CTranslateEngine":
    """Return the engine for these weights, loaded at the first call and cached.

    Raises:
        MissingDependency: ``model_format``: the folder is not a Whisper model of CTranslate2.
    """
    return _load(str(weights.path), weights.sha256, device.of_ctranslate())


@lru_cache(maxsize=1)  # a second model would double the memory of the process
@metrics.timed(names.MODEL_LOAD, engine=NAME)
def _load(path: str, _sha256: str, where: str) -> "CTranslateEngine":
    from ctranslate2.models import Whisper  # noqa: PLC0415 - only this stage needs it

    _log.info("loading %s on %s", path, where)
    kind, _, number = where.partition(":")
    try:
        model = Whisper(
            path,
            device=kind,
            device_index=int(number or 0),
            compute_type="float16" if kind == "cuda" else "int8",
            intra_threads=host.current().threads,
        )
        return CTranslateEngine(model, Path(path), _GPU_BATCH if kind == "cuda" else _CPU_BATCH)
    except (OSError, RuntimeError, ValueError, AttributeError) as error:
        raise MissingDependency(
            "model_format", f"{path} cannot be loaded as a Whisper model ({error!s:.200})."
        ) from error


@dataclass(frozen=True)
class Encoded:
    """Encoded windows: the encoder's output, and the duration of each window in seconds."""

    features: Any
    seconds: list[float]

    def only(self, numbers: Sequence[int]) -> "Encoded":
        """Return only the windows of these numbers."""
        if list(numbers) == list(range(len(self.seconds))):
            return self
        import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy
        from ctranslate2 import StorageView  # noqa: PLC0415 - see above

        states = np.array(self.features.to_device(_cpu()))[list(numbers)]
        return Encoded(
            StorageView.from_array(np.ascontiguousarray(states)),
            [self.seconds[number] for number in numbers],
        )


class CTranslateEngine:
    """A loaded Whisper model; see ``SpeechEngine``."""

    def __init__(self, model: Any, folder: Path, batch: int) -> None:
        self._model = model
        self._tokens = Tokens(folder)
        self._positions = _positions(folder)
        self.languages = self._tokens.languages
        self.batch = batch

    def encode(self, windows: Sequence["Samples"]) -> Encoded:
        """Encode windows; see ``SpeechEngine``."""
        import numpy as np  # noqa: PLC0415 - see above
        from ctranslate2 import StorageView  # noqa: PLC0415 - see above

        longest = max(len(window) for window in windows) // mel.HOP + _PADDING
        count = min(mel.FRAMES, longest + longest % 2)
        mels = np.stack([mel.log_mel(window, self._model.n_mels, count) for window in windows])
        # On a CPU encoding is fastest one by one, and decoding in batches.
        size = len(mels) if self._model.device == "cuda" else 1
        encoded = [
            self._model.encode(StorageView.from_array(mels[first : first + size]))
            for first in range(0, len(mels), size)
        ]
        features = (
            encoded[0]
            if len(encoded) == 1
            else StorageView.from_array(np.concatenate([np.array(one) for one in encoded]))
        )
        return Encoded(features, [len(window) / mel.RATE for window in windows])

    def detect_languages(self, encoded: Encoded) -> list[Mapping[str, float]]:
        """Return each window's languages by the decoder's first token."""
        answers = self._model.detect_language(encoded.features)
        return [{token[2:-2]: chance for token, chance in answer} for answer in answers]

    def transcribe(
        self, encoded: Encoded, languages: Sequence[str], options: SpeechOptions
    ) -> list[Heard]:
        """Transcribe encoded windows; those in one language are one batch."""
        heard: dict[int, Heard] = {}
        for language in dict.fromkeys(languages):
            numbers = [number for number, one in enumerate(languages) if one == language]
            windows = encoded.only(numbers)
            decoded = self._decode(windows, language, options)
            heard |= zip(numbers, self._timed(windows, decoded, language, options), strict=True)
        return [heard[number] for number in range(len(languages))]

    def _decode(self, encoded: Encoded, language: str, options: SpeechOptions) -> list[Decoded]:
        """Decode windows; those with improbable text again, with other settings."""
        found = self._generate(encoded, language, options, beam_size=options.beam_size)
        for attempt in _ATTEMPTS:
            again = [number for number, one in enumerate(found) if not one.is_good]
            if not again:
                break
            others = self._generate(encoded.only(again), language, options, **attempt)
            for number, other in zip(again, others, strict=True):
                found[number] = found[number].better(other)
        return found

    def _generate(
        self, encoded: Encoded, language: str, options: SpeechOptions, **settings: Any
    ) -> list[Decoded]:
        import ctranslate2  # noqa: PLC0415 - see above

        ctranslate2.set_random_seed(0)  # sampled text is the same in each run
        prompt = self._tokens.prompt(options.prompt, self._positions // 2 - 1)
        prompt += self._tokens.sequence(language, options.task)
        longest = min(self._positions, len(prompt) + self._positions // 2)
        results = self._model.generate(
            encoded.features,
            [prompt] * len(encoded.seconds),
            max_length=longest,
            return_scores=True,
            return_no_speech_prob=True,
            **settings,
        )
        found = []
        for result, seconds in zip(results, encoded.seconds, strict=True):
            tokens = result.sequences_ids[0]
            drafts, _ = divide(tokens, self._tokens, seconds)
            found.append(
                Decoded(
                    tokens=tokens,
                    text=self._tokens.decode(tokens),
                    parts=[self._tokens.decode(draft.tokens) for draft in drafts],
                    logprob=result.scores[0],
                    silence=result.no_speech_prob,
                    seconds=seconds,
                    ended=len(prompt) + len(tokens) < longest,
                )
            )
        return found

    def _timed(
        self, encoded: Encoded, decoded: Sequence[Decoded], language: str, options: SpeechOptions
    ) -> Iterator[Heard]:
        """Yield the segments of each window, with word times if they are wanted."""
        divided = [
            divide([] if one.is_silent else one.tokens, self._tokens, seconds)
            for one, seconds in zip(decoded, encoded.seconds, strict=True)
        ]
        drafts = [found for found, _ in divided]
        timed = self._aligned(encoded, drafts, language) if options.word_times else {}
        for number, (found, until) in enumerate(divided):
            probability = round(math.exp(min(0.0, decoded[number].logprob)), 4)
            words = timed.get(number) or [[] for _ in found]
            segments = (
                self._segment(draft, probability, own)
                for draft, own in zip(found, words, strict=True)
            )
            yield Heard([one for one in segments if one.text], until)

    def _segment(self, draft: Draft, probability: float, words: list[Word]) -> Segment:
        return Segment(
            text=self._tokens.decode(draft.tokens).strip(),
            start=words[0].start if words else draft.start,
            end=words[-1].end if words else draft.end,
            probability=probability,
            words=words,
        )

    def _aligned(
        self, encoded: Encoded, drafts: Sequence[Sequence[Draft]], language: str
    ) -> dict[int, list[list[Word]]]:
        """Return the words of each segment of windows with text, by the window's number."""
        numbers = [number for number, found in enumerate(drafts) if found]
        if not numbers:
            return {}
        windows = encoded.only(numbers)
        results = self._model.align(
            windows.features,
            self._tokens.sequence(language, "transcribe"),
            [[token for draft in drafts[number] for token in draft.tokens] for number in numbers],
            [round(seconds * mel.RATE / mel.HOP) for seconds in windows.seconds],
        )
        return {
            number: [
                alignment.words(parts, language)
                for parts in alignment.parts(
                    [self._tokens.characters(draft.tokens) for draft in drafts[number]],
                    result.alignments,
                    result.text_token_probs,
                )
            ]
            for number, result in zip(numbers, results, strict=True)
            if result.alignments  # a single token has none
        }


def _positions(folder: Path) -> int:
    """Return the most tokens of prompt and text together; conversions of ours record it."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return int(config.get("n_text_ctx", _POSITIONS))


def _cpu() -> Any:
    from ctranslate2 import Device  # noqa: PLC0415 - see above

    return Device.cpu
