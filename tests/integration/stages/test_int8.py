# ruff: noqa: PLC0415 - torch and whisper take seconds to import
"""Whisper with 8-bit weights."""

from pathlib import Path

import pytest

from pipeline.core.errors import BadInput, MissingDependency
from pipeline.stages.models import bake, device, host, int8, official, weights
from pipeline.stages.transcribe import stage as transcribe
from pipeline.stages.transcribe import whisper as whisper_engine
from pipeline.stages.transcribe.transcript import Transcript
from samples import accuracy
from samples.scoring import Hearing

NAME = "whisper-shapes@int8"
SPOKEN = Path(accuracy.__file__).with_name("speech-only.mp4")


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    """Return a folder of models with the 8-bit sample."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host, "_current", host.ModelHost(model_dir=folder))
        bake.bake([NAME])
    return folder


@pytest.fixture
def model_dir(baked, model_host):
    model_host(model_dir=baked)
    return baked


def heard(fresh, model):
    _, work = fresh(transcribe, SPOKEN, model=model)
    transcript = Transcript.model_validate_json((work / "transcript.json").read_bytes())
    assert transcript.model.name == model
    return transcript


def test_it_is_as_accurate_as_its_original(fresh, model_dir):  # noqa: ARG001
    score = Hearing()
    score.add(accuracy.said(SPOKEN), heard(fresh, NAME).words())
    assert score.word_error_rate <= 0.05  # the limit of the original model
    assert score.start_error(0.5) <= 0.15


def test_it_has_a_byte_a_weight_in_file_and_memory(model_dir):
    import torch

    path = model_dir / "whisper-shapes.int8.pt"
    state = torch.load(path, weights_only=True)["model_state_dict"]
    rounded = [name for name, tensor in state.items() if tensor.dtype == torch.int8]
    assert all(f"{name}.scale" in state for name in rounded)
    assert sum("mlp" in name for name in rounded) == 2 * (3 + 2)
    model = int8.load(path)
    assert not [one for one in model.modules() if isinstance(one, torch.nn.Linear)]
    assert model.encoder.blocks[0].attn.query.weight().dtype == torch.qint8


def test_its_identity_differs_from_that_of_its_original():
    plain, eight = (
        transcribe.identity(transcribe.Params(model=name)) for name in ("tiny", "tiny@int8")
    )
    assert plain != eight
    assert plain["sha256"] == eight["sha256"] == official.WHISPER["tiny"].sha256


def test_it_has_its_own_digest_and_that_of_its_original(model_dir):
    found = weights.resolve(NAME)
    assert found == weights.Weights(
        NAME,
        model_dir / "whisper-shapes.int8.pt",
        weights.file_sha256(found.path),
        "baked",
        weights.digest("whisper-shapes"),
    )


def test_other_bytes_than_were_baked_are_rejected(model_dir, model_host, tmp_path):
    for path in model_dir.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    model_host(model_dir=tmp_path)
    with (tmp_path / "whisper-shapes.int8.pt").open("ab") as file:
        file.write(b"more")
    with pytest.raises(MissingDependency, match="is not the pinned whisper-shapes@int8"):
        weights.resolve(NAME)


def test_the_error_for_a_model_not_baked_says_how_to_bake_it(model_host, tmp_path):
    model_host(model_dir=tmp_path)
    with pytest.raises(MissingDependency, match=rf"models\.bake --into {tmp_path} tiny@int8"):
        weights.resolve("tiny@int8")


@pytest.mark.parametrize("name", ["yolo11n.pt@int8", "yolo-shapes@int8", "tiny@int4", "@int8"])
def test_only_a_whisper_has_an_8_bit_version(name):
    with pytest.raises(BadInput) as rejected:
        weights.resolve(name)
    assert rejected.value.code == "unknown_model"


def test_word_times_come_from_the_published_alignment_heads(model_dir, monkeypatch):  # noqa: ARG001
    class Became(Exception):
        pass

    def set_heads(_self, heads):
        raise Became(heads)

    monkeypatch.setitem(
        official.WHISPER,
        "tiny",
        official.Official("tiny.pt", "", weights.digest("whisper-shapes")),
    )
    import whisper

    monkeypatch.setattr(whisper.model.Whisper, "set_alignment_heads", set_heads)
    whisper_engine._load.cache_clear()
    with pytest.raises(Became) as became:
        whisper_engine.load(weights.resolve(NAME))
    assert became.value.args == (whisper._ALIGNMENT_HEADS["tiny"],)


def test_on_a_gpu_it_is_rejected_with_a_message(model_dir, monkeypatch):  # noqa: ARG001
    monkeypatch.setattr(device, "choose", lambda: "cuda")
    with pytest.raises(MissingDependency, match="without @int8"):
        whisper_engine.load(weights.resolve(NAME))


def test_half_precision_weights_give_bit_identical_results_for_half_precision_audio():
    import torch
    import whisper

    path = str(weights.resolve("whisper-shapes").path)
    plain, half = (whisper.load_model(path, device="cpu") for _ in range(2))
    whisper_engine.halve(half)
    assert half.encoder.blocks[0].mlp[0].weight.dtype == torch.float16
    sound = torch.randn(1, 80, 3000, generator=torch.Generator().manual_seed(0)).half()
    tokens = torch.tensor([[50257, 50362, 262]])
    with torch.inference_mode():
        assert torch.equal(plain(sound, tokens), half(sound, tokens))
