"""CTranslate2's variables become openai-whisper's tensors, unchanged."""

import struct

import numpy as np
import pytest

from benchmarks import reference_weights

WIDTH, VOCABULARY, MELS = 4, 11, 3
RNG = np.random.default_rng(0)


def tensor(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float16)


def linear(name: str, rows: int, columns: int = WIDTH) -> dict[str, np.ndarray]:
    return {f"{name}/weight": tensor(rows, columns), f"{name}/bias": tensor(rows)}


def norm(name: str) -> dict[str, np.ndarray]:
    return {f"{name}/gamma": tensor(WIDTH), f"{name}/beta": tensor(WIDTH)}


def layer(name: str, *, crossed: bool) -> dict[str, np.ndarray]:
    found = norm(f"{name}/self_attention/layer_norm") | norm(f"{name}/ffn/layer_norm")
    found |= linear(f"{name}/self_attention/linear_0", 3 * WIDTH)
    found |= linear(f"{name}/self_attention/linear_1", WIDTH)
    found |= linear(f"{name}/ffn/linear_0", 4 * WIDTH)
    found |= linear(f"{name}/ffn/linear_1", WIDTH, 4 * WIDTH)
    if crossed:
        found |= norm(f"{name}/attention/layer_norm")
        found |= linear(f"{name}/attention/linear_0", WIDTH)
        found |= linear(f"{name}/attention/linear_1", 2 * WIDTH)
        found |= linear(f"{name}/attention/linear_2", WIDTH)
    return found


VARIABLES = {
    "decoder/embeddings/weight": tensor(VOCABULARY, WIDTH),
    "decoder/position_encodings/encodings": tensor(7, WIDTH),
    "encoder/position_encodings/encodings": tensor(9, WIDTH),
    "encoder/conv1/weight": tensor(WIDTH, MELS, 3),
    "encoder/conv1/bias": tensor(WIDTH),
    "encoder/conv2/weight": tensor(WIDTH, WIDTH, 3),
    "encoder/conv2/bias": tensor(WIDTH),
    "encoder/num_heads": np.array(2, np.int16),
    "decoder/num_heads": np.array(2, np.int16),
    **norm("encoder/layer_norm"),
    **norm("decoder/layer_norm"),
    **layer("encoder/layer_0", crossed=False),
    **layer("encoder/layer_1", crossed=False),
    **layer("decoder/layer_0", crossed=True),
}


def text(value: str) -> bytes:
    return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"


def binary(version: int = 6) -> bytes:
    parts = [struct.pack("<I", version), text("WhisperSpec"), struct.pack("<I", 3)]
    parts.append(struct.pack("<I", len(VARIABLES)))
    for name, value in VARIABLES.items():
        kind = {"f": 4, "i": 2}[value.dtype.kind]
        parts += [text(name), struct.pack("<B", value.ndim)]
        parts += [struct.pack("<I", side) for side in value.shape]
        parts += [struct.pack("<BI", kind, value.nbytes), value.tobytes()]
    parts.append(struct.pack("<I", 1))
    return b"".join([*parts, text("decoder/projection/weight"), text("decoder/embeddings/weight")])


@pytest.fixture
def found(tmp_path):
    (tmp_path / "model.bin").write_bytes(binary())
    return reference_weights.read(tmp_path / "model.bin")


def test_all_variables_are_read(found):
    for name, value in VARIABLES.items():
        assert np.array_equal(found[name], value)
    assert found["decoder/projection/weight"] is found["decoder/embeddings/weight"]


def test_projections_are_split_into_query_key_and_value(found):
    state = reference_weights.state(found)
    fused = VARIABLES["encoder/layer_1/self_attention/linear_0/weight"]
    assert np.array_equal(state["encoder.blocks.1.attn.query.weight"], fused[:WIDTH])
    assert np.array_equal(state["encoder.blocks.1.attn.value.weight"], fused[2 * WIDTH :])
    across = VARIABLES["decoder/layer_0/attention/linear_1/bias"]
    assert np.array_equal(state["decoder.blocks.0.cross_attn.value.bias"], across[WIDTH:])
    query = VARIABLES["decoder/layer_0/attention/linear_0/weight"]
    assert np.array_equal(state["decoder.blocks.0.cross_attn.query.weight"], query)


def test_another_format_is_refused(tmp_path):
    (tmp_path / "model.bin").write_bytes(binary(version=5))
    with pytest.raises(ValueError, match="version 5"):
        reference_weights.read(tmp_path / "model.bin")
