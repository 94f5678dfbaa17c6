"""Conversion of OpenAI's Whisper checkpoints to models of CTranslate2, without PyTorch."""

import itertools
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import alignment_heads, checkpoint, vocabulary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    State = Mapping[str, NDArray[np.float16]]

_SIZES = ("n_mels", "n_vocab", "n_text_ctx", "n_audio_layer", "n_audio_head", "n_text_layer")
# Text never contains these marks, which stand for sounds or speakers in subtitles: openai-whisper's
# list (whisper/tokenizer.py).
_MARKS = [*'"#()*+/:;<=>@[\\]^_`{|}~「」『』', "<<", ">>", "<<<", ">>>", "--", "---", "-(", "-["]
_MARKS += ["('", '("', "((", "))", "(((", ")))", "[[", "]]", "{{", "}}", "♪♪", "♪♪♪"]
_NOTES = "♩♪♫♬♭♮♯"
_DASH_AND_QUOTE = (" -", " '")


def convert(source: Path, words: Path, target: Path, *, sha256: str | None = None) -> None:
    """Convert a checkpoint to a folder that CTranslate2 loads; weights get 16 bits.

    Args:
        source: a checkpoint in OpenAI's format.
        words: the vocabulary of the model: ``vocabulary.txt`` or ``vocabulary.json`` of a converted
            model with the same tokens of text.
        target: the folder to create. It appears when it is complete.
        sha256: of the checkpoint: it tells the alignment heads of an official model.

    Raises:
        MissingDependency: ``model_format``: a file has another format, or is damaged.
    """
    found = checkpoint.read(source)
    try:
        sizes: dict[str, int] = {name: int(found["dims"][name]) for name in _SIZES}
        spec = _spec(found["model_state_dict"], sizes)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MissingDependency(
            "model_format", f"{source} is not a Whisper checkpoint ({error!r:.200})."
        ) from error
    tokens = vocabulary.read(words)
    text = vocabulary.text_tokens(sizes["n_vocab"])
    spec.register_vocabulary([*tokens[:text], *vocabulary.special(sizes["n_vocab"])])
    _configure(spec.config, tokens[:text], sizes, alignment_heads.of(sha256))
    try:
        spec.validate()
    except ValueError as error:
        raise MissingDependency(
            "model_format", f"{source} does not fit a Whisper model ({error!s:.200})."
        ) from error
    spec.optimize(quantization="float16")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as work:
        made = Path(work) / target.name
        made.mkdir()
        spec.save(str(made))
        config = json.loads((made / "config.json").read_text(encoding="utf-8"))
        config["n_text_ctx"] = sizes["n_text_ctx"]
        (made / "config.json").write_text(json.dumps(config), encoding="utf-8")
        made.rename(target)


@contextmanager
def _without_torch() -> Iterator[None]:
    """Let CTranslate2's converters find no PyTorch, which they import where it is installed."""
    hidden = "torch" not in sys.modules
    if hidden:
        sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules["torch"]


def _spec(state: "State", sizes: Mapping[str, int]) -> Any:
    """Return CTranslate2's description of a Whisper model, with the weights of a checkpoint."""
    with _without_torch():
        from ctranslate2.specs import WhisperSpec  # noqa: PLC0415 - only transcribe needs it

    heads = sizes["n_audio_head"]
    spec = WhisperSpec(sizes["n_audio_layer"], heads, sizes["n_text_layer"], heads)
    encoder, decoder = spec.encoder, spec.decoder
    for name in ("conv1", "conv2"):
        _fill(getattr(encoder, name), state, f"encoder.{name}")
    encoder.position_encodings.encodings = _array(state, "encoder.positional_embedding")
    decoder.position_encodings.encodings = _array(state, "decoder.positional_embedding")
    decoder.embeddings.weight = _array(state, "decoder.token_embedding.weight")
    decoder.projection.weight = decoder.embeddings.weight
    _norm(encoder.layer_norm, state, "encoder.ln_post")
    _norm(decoder.layer_norm, state, "decoder.ln")
    for side, part in (("encoder", encoder), ("decoder", decoder)):
        for number, layer in enumerate(part.layer):
            _layer(layer, state, f"{side}.blocks.{number}")
    return spec


def _layer(layer: Any, state: "State", name: str) -> None:
    _norm(layer.self_attention.layer_norm, state, f"{name}.attn_ln")
    query, key, value, out = (f"{name}.attn.{one}" for one in ("query", "key", "value", "out"))
    _fuse(layer.self_attention.linear[0], state, (query, key, value))
    _fill(layer.self_attention.linear[1], state, out)
    if f"{name}.cross_attn_ln.weight" in state:
        _norm(layer.attention.layer_norm, state, f"{name}.cross_attn_ln")
        cross = f"{name}.cross_attn"
        _fill(layer.attention.linear[0], state, f"{cross}.query")
        _fuse(layer.attention.linear[1], state, (f"{cross}.key", f"{cross}.value"))
        _fill(layer.attention.linear[2], state, f"{cross}.out")
    _norm(layer.ffn.layer_norm, state, f"{name}.mlp_ln")
    _fill(layer.ffn.linear_0, state, f"{name}.mlp.0")
    _fill(layer.ffn.linear_1, state, f"{name}.mlp.2")


def _array(state: "State", name: str) -> "NDArray[np.float16]":
    import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy

    return np.ascontiguousarray(state[name], np.float16)


def _fill(spec: Any, state: "State", name: str) -> None:
    spec.weight = _array(state, f"{name}.weight")
    spec.bias = _array(state, f"{name}.bias")


def _norm(spec: Any, state: "State", name: str) -> None:
    spec.gamma = _array(state, f"{name}.weight")
    spec.beta = _array(state, f"{name}.bias")


def _fuse(spec: Any, state: "State", names: Sequence[str]) -> None:
    """Join layers with the same input to one; Whisper's keys have no bias."""
    import numpy as np  # noqa: PLC0415 - see above

    weights = [_array(state, f"{name}.weight") for name in names]
    spec.weight = np.concatenate(weights)
    spec.bias = np.concatenate(
        [
            _array(state, f"{name}.bias")
            if f"{name}.bias" in state
            else np.zeros(len(weight), np.float16)
            for name, weight in zip(names, weights, strict=True)
        ]
    )


def _configure(
    config: Any,
    text: Sequence[str],
    sizes: Mapping[str, int],
    heads: Sequence[tuple[int, int]] | None,
) -> None:
    """Set the tokens that are never decoded, the languages, and the heads that align words."""
    first = len(text)
    languages = vocabulary.languages(sizes["n_vocab"])
    after = first + 2 + len(languages)
    # The start, the tasks, and the four others: they are input only.
    config.suppress_ids = sorted([*_marks(text), first + 1, *range(after, after + 5)])
    config.suppress_ids_begin = [
        text.index("\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}"),
        first,
    ]  # a space
    config.lang_ids = [first + 2 + place for place in range(len(languages))]
    layers = range(sizes["n_text_layer"] // 2, sizes["n_text_layer"])
    config.alignment_heads = [
        list(one) for one in heads or itertools.product(layers, range(sizes["n_audio_head"]))
    ]


def _marks(text: Sequence[str]) -> list[int]:
    """Return the tokens of marks that are no speech."""
    encoding = vocabulary.encoding(text)
    found = {encoding.encode(mark)[0] for mark in _DASH_AND_QUOTE}
    for mark in (*_MARKS, *_NOTES):
        for tokens in (encoding.encode(mark), encoding.encode(f" {mark}")):
            if len(tokens) == 1 or mark in _NOTES:
                found.add(tokens[0])
    return list(found)
