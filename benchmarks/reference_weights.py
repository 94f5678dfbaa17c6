"""The checkpoint for openai-whisper that has the same weights as a CTranslate2 model.

    python -m benchmarks.reference_weights FOLDER CHECKPOINT

Published CTranslate2 models of Whisper hold OpenAI's float16 tensors, unchanged. They are copied to
OpenAI's names and format. So both engines can be compared with exactly the same weights.
"""

import json
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

Tensor = npt.NDArray[Any]

_DTYPES: Final = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}  # CTranslate2's DataType
_BFLOAT16: Final = 5
_VERSION: Final = 6  # of the binary format


def read(path: Path) -> dict[str, Tensor]:
    """Read the variables of a CTranslate2 ``model.bin``, by name.

    Raises:
        ValueError: the file has another format, or types that numpy does not have.
    """
    with path.open("rb") as file:
        version, spec = _number(file, "I"), _text(file)
        if version != _VERSION or spec != "WhisperSpec":
            raise ValueError(f"{path} is a {spec} of version {version}, not a Whisper model.")
        _number(file, "I")  # the revision
        variables = dict(_variable(file) for _ in range(_number(file, "I")))
        for _ in range(_number(file, "I")):
            alias, name = _text(file), _text(file)
            variables[alias] = variables[name]
    return variables


def state(variables: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with the names of openai-whisper."""
    found = {
        "encoder.positional_embedding": variables["encoder/position_encodings/encodings"],
        "decoder.positional_embedding": variables["decoder/position_encodings/encodings"],
        "decoder.token_embedding.weight": variables["decoder/embeddings/weight"],
        **_norm(variables, "encoder/layer_norm", "encoder.ln_post"),
        **_norm(variables, "decoder/layer_norm", "decoder.ln"),
    }
    for number in (1, 2):
        found |= _linear(variables, f"encoder/conv{number}", f"encoder.conv{number}")
    for side in ("encoder", "decoder"):
        for number in range(layers(variables, side)):
            found |= _layer(variables, f"{side}/layer_{number}", f"{side}.blocks.{number}")
    return found


def dimensions(variables: Mapping[str, Tensor]) -> dict[str, int]:
    """Return openai-whisper's ``ModelDimensions``."""
    vocabulary, width = variables["decoder/embeddings/weight"].shape
    return {
        "n_mels": variables["encoder/conv1/weight"].shape[1],
        "n_audio_ctx": variables["encoder/position_encodings/encodings"].shape[0],
        "n_audio_state": width,
        "n_audio_head": int(variables["encoder/num_heads"]),
        "n_audio_layer": layers(variables, "encoder"),
        "n_vocab": vocabulary,
        "n_text_ctx": variables["decoder/position_encodings/encodings"].shape[0],
        "n_text_state": width,
        "n_text_head": int(variables["decoder/num_heads"]),
        "n_text_layer": layers(variables, "decoder"),
    }


def layers(variables: Mapping[str, Tensor], side: str) -> int:
    """Return the number of layers of the encoder or decoder."""
    return len(
        {name.split("/")[1] for name in variables if name.startswith(f"{side}/layer_")}
        - {"layer_norm"}
    )


def alignment(folder: Path) -> list[list[int]]:
    """Return the heads for word times as [layer, head], from the model's configuration."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return [list(map(int, pair)) for pair in config.get("alignment_heads") or []]


def write(folder: Path, checkpoint: Path) -> None:
    """Write the checkpoint."""
    import torch  # noqa: PLC0415 - the reader is also used in processes without torch

    variables = read(folder / "model.bin")
    tensors = {name: torch.from_numpy(value.copy()) for name, value in state(variables).items()}
    part = checkpoint.with_suffix(".part")
    torch.save({"dims": dimensions(variables), "model_state_dict": tensors}, part)
    part.replace(checkpoint)


def _layer(variables: Mapping[str, Tensor], theirs: str, ours: str) -> dict[str, Tensor]:
    found = _attention(variables, f"{theirs}/self_attention", f"{ours}.attn")
    found |= _norm(variables, f"{theirs}/self_attention/layer_norm", f"{ours}.attn_ln")
    if f"{theirs}/attention/linear_0/weight" in variables:
        found |= _attention(variables, f"{theirs}/attention", f"{ours}.cross_attn")
        found |= _norm(variables, f"{theirs}/attention/layer_norm", f"{ours}.cross_attn_ln")
    found |= _linear(variables, f"{theirs}/ffn/linear_0", f"{ours}.mlp.0")
    found |= _linear(variables, f"{theirs}/ffn/linear_1", f"{ours}.mlp.2")
    return found | _norm(variables, f"{theirs}/ffn/layer_norm", f"{ours}.mlp_ln")


def _attention(variables: Mapping[str, Tensor], theirs: str, ours: str) -> dict[str, Tensor]:
    """Split the fused projections: ``linear_0`` is q, k, v; across, it is q and ``linear_1`` k, v.

    The fused bias has zeros for the key, which has none.
    """
    crossed = f"{theirs}/linear_2/weight" in variables
    fused = ("linear_0", "linear_1") if crossed else ("linear_0",)
    weight = np.concatenate([variables[f"{theirs}/{name}/weight"] for name in fused])
    bias = np.concatenate([variables[f"{theirs}/{name}/bias"] for name in fused])
    query, key, value = np.split(weight, 3)
    query_bias, _, value_bias = np.split(bias, 3)
    return {
        f"{ours}.query.weight": query,
        f"{ours}.query.bias": query_bias,
        f"{ours}.key.weight": key,
        f"{ours}.value.weight": value,
        f"{ours}.value.bias": value_bias,
        **_linear(variables, f"{theirs}/linear_{len(fused)}", f"{ours}.out"),
    }


def _linear(variables: Mapping[str, Tensor], theirs: str, ours: str) -> dict[str, Tensor]:
    return {f"{ours}.{part}": variables[f"{theirs}/{part}"] for part in ("weight", "bias")}


def _norm(variables: Mapping[str, Tensor], theirs: str, ours: str) -> dict[str, Tensor]:
    return {
        f"{ours}.weight": variables[f"{theirs}/gamma"],
        f"{ours}.bias": variables[f"{theirs}/beta"],
    }


def _variable(file: IO[bytes]) -> tuple[str, Tensor]:
    name = _text(file)
    shape = tuple(_number(file, "I") for _ in range(_number(file, "B")))
    kind, size = _number(file, "B"), _number(file, "I")
    if kind == _BFLOAT16 or kind not in _DTYPES:
        raise ValueError(f"{name} has the type {kind}, which numpy does not have.")
    return name, np.frombuffer(file.read(size), _DTYPES[kind]).reshape(shape)


def _number(file: IO[bytes], kind: str) -> int:
    return int(struct.unpack(f"<{kind}", file.read(struct.calcsize(kind)))[0])


def _text(file: IO[bytes]) -> str:
    return file.read(_number(file, "H"))[:-1].decode()  # it ends with a zero


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
