"""openai-whisper takes the weights that ``benchmarks/reference_weights.py`` converts."""

from benchmarks import reference_weights
from tests.unit.benchmarks.test_reference_weights import binary


def test_openai_whisper_loads_the_tensors(tmp_path):
    import torch  # noqa: PLC0415 - takes seconds
    from whisper.model import ModelDimensions, Whisper  # noqa: PLC0415 - imports torch

    (tmp_path / "model.bin").write_bytes(binary())
    found = reference_weights.read(tmp_path / "model.bin")
    model = Whisper(ModelDimensions(**reference_weights.dimensions(found)))
    state = {n: torch.from_numpy(v.copy()) for n, v in reference_weights.state(found).items()}
    missing = model.load_state_dict(state)
    assert not missing.missing_keys
    assert not missing.unexpected_keys
