# ruff: noqa: S311 - the same numbers each time are the point
# ruff: noqa: PLC0415 - torch takes seconds to import
"""The arithmetic of the training: the exported model equals the trained one."""

import random

import numpy as np
import pytest

from samples import grammar
from samples.models.training import noises, pictures

# Whisper's tokenizer leaves a file open; the next garbage collection reports it in any test.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file .*tiktoken:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def vocabulary():
    from samples.models.training.vocabulary import Vocabulary

    return Vocabulary(grammar.words())


@pytest.fixture(scope="module")
def windows(vocabulary):
    from samples.models.training.windows import Pool, Recorder

    pool = Pool(random.Random(1), capacity=12, coded_share=0.0)
    pool.grow(12)
    recorder = Recorder(vocabulary, pool, seed=2)
    return [recorder.window(5, prompted=0.3) for _ in range(12)]


def test_words_have_the_tokens_of_whisper(vocabulary):
    from samples.models.training.vocabulary import VOCABULARY

    tokens = [
        token
        for index, word in enumerate(["the", "purple", "triangle", "disappears"])
        for token in vocabulary.spell(word, capital=index == 0)
    ]
    text = vocabulary.tokenizer.decode([*tokens, vocabulary.full_stop])
    assert text == " The purple triangle disappears."
    rows = {vocabulary.row(token) for token in vocabulary.used}
    assert rows == set(range(len(vocabulary.used)))
    assert vocabulary.unused + len(rows) + 1501 == VOCABULARY


def test_windows_match_the_input_from_transcribe(vocabulary, windows):
    tokenizer = vocabulary.tokenizer
    for window in windows:
        assert window.mel.shape == (80, 500)
        assert len(window.words) == 250
        assert len(window.given) == len(window.wanted)
        given = [aimed.token for aimed in window.given]
        assert tokenizer.sot in given
        assert (given[0] == tokenizer.sot_prev) == (given.index(tokenizer.sot) > 0)
        assert window.wanted[-1].token == tokenizer.eot
        # The next input is the wanted token, where there is one.
        start = given.index(tokenizer.sot)
        for aimed, following in zip(window.wanted[start:], given[start + 1 :], strict=False):
            assert aimed.token in {-1, tokenizer.no_speech, following}


def test_timestamps_are_where_the_words_are(vocabulary, windows):
    first = vocabulary.first_timestamp
    marks = 0
    for window in windows:
        for aimed in window.wanted:
            if aimed.token >= first and aimed.low is not None and aimed.high is not None:
                middle = (aimed.low + aimed.high) / 2
                assert aimed.token - first <= round(middle) + 1
                marks += 1
    assert marks > 5


def test_the_exported_model_computes_what_the_trained_one_does(vocabulary, tmp_path):
    import torch
    import whisper

    from samples.models.training import pack
    from samples.models.training.tiny_whisper import TinyWhisper

    torch.manual_seed(0)
    model = TinyWhisper(vocabulary).eval()
    pack.save(model.checkpoint(), tmp_path / "model.pt")
    official = whisper.load_model(str(tmp_path / "model.pt"), device="cpu")
    mel = torch.randn(1, 80, 3000) * 0.3
    tokens = [vocabulary.tokenizer.sot, vocabulary.tokenizer.no_timestamps, vocabulary.full_stop]
    rows = torch.tensor([[vocabulary.row(token) for token in tokens]])
    with torch.no_grad():
        ours, _ = model.decode(rows, model.encode(mel, torch.zeros(1, dtype=torch.long)))
        theirs = official(mel, torch.tensor([tokens]))
    used = list(vocabulary.used)
    assert torch.allclose(ours[..., : len(used)], theirs[..., used], atol=0.05)
    timed = theirs[..., vocabulary.first_timestamp : vocabulary.first_timestamp + 1501]
    assert torch.allclose(ours[..., len(used) : -1], timed, atol=0.05)


def test_learning_lowers_the_loss_and_resumes(vocabulary, windows):
    import torch

    from samples.models.training import whisper_train
    from samples.models.training.tiny_whisper import collate

    torch.manual_seed(0)
    batch = collate(windows, vocabulary)
    trainer = whisper_train.Trainer(vocabulary)
    trainer.step = whisper_train._WARM_UP
    losses = [trainer.learn(batch) for _ in range(6)]
    assert losses[-1].text.item() < 0.8 * losses[0].text.item()
    other = whisper_train.Trainer(vocabulary)
    other.resume(trainer.state())
    assert other.step == trainer.step
    ahead, behind = trainer.learn(batch), other.learn(batch)
    assert behind.text.item() == pytest.approx(ahead.text.item(), rel=1e-5)


def test_the_rate_warms_up_and_falls():
    from samples.models.training.whisper_train import learning_rate as rate

    assert rate(0.0, 0) < rate(0.0, 50) < rate(0.01, 500)
    assert rate(0.2, 500) > rate(0.6, 1500) > rate(1.0, 3000) > 0


def test_packing_is_small_complete_and_reproducible(tmp_path):
    import torch

    from samples.models.training import pack

    checkpoint = {"weights": torch.zeros(100_000), "dims": {"n": 1}}
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        pack.save(checkpoint, tmp_path / name / "model.pt")
    first, second = ((tmp_path / name / "model.pt").read_bytes() for name in ("a", "b"))
    assert first == second
    assert len(first) < 10_000
    back = torch.load(tmp_path / "a" / "model.pt", weights_only=True)
    assert (back["weights"] == 0).all()
    pack.save({"weights": torch.ones(1)}, tmp_path / "a" / "another.pt")
    sums = (tmp_path / "a" / "SHA256SUMS").read_text().splitlines()
    assert [line.split("  ")[1] for line in sums] == ["another.pt", "model.pt"]


def test_aac_keeps_the_position_of_every_sample():
    rng = np.random.default_rng(1)
    click = np.zeros(16_000, np.float32)
    click[8000:8400] = rng.standard_normal(400).astype(np.float32) * 0.3
    coded = noises.through_aac(click, 96)
    assert len(coded) == len(click)
    assert np.argmax(np.correlate(coded, click[7900:8500])) == pytest.approx(7900, abs=3)


@pytest.mark.parametrize("make", [noises.noise, noises.music])
def test_noises_have_unit_power(make):
    sound = make(8000, np.random.default_rng(3))
    assert sound.shape == (8000,)
    assert np.sqrt((sound**2).mean()) == pytest.approx(1, abs=0.1)


def test_pictures_are_labelled(tmp_path):
    pictures.write(tmp_path, 16, "train")
    images = sorted((tmp_path / "images/train").glob("*.png"))
    labels = sorted((tmp_path / "labels/train").glob("*.txt"))
    assert len(images) == len(labels) == 16
    rows = [list(map(float, line.split())) for p in labels for line in p.read_text().splitlines()]
    assert rows
    for label, x, y, width, height in rows:
        assert label in range(len(grammar.SHAPES))
        assert x - width / 2 + 1e-5 >= 0
        assert x + width / 2 <= 1 + 1e-5
        assert y - height / 2 + 1e-5 >= 0
        assert y + height / 2 <= 1 + 1e-5
    before = [path.stat().st_mtime_ns for path in images]
    pictures.write(tmp_path, 16, "train")
    assert [path.stat().st_mtime_ns for path in images] == before


def test_a_stripped_checkpoint_has_no_paths():
    import torch

    from samples.models.training import yolo_train

    model = torch.nn.Linear(2, 2)
    model.args = {"data": "/home/somebody/data.yaml"}
    model.yaml = {"yaml_file": "/home/somebody/model.yaml", "nc": 7}
    checkpoint = {"model": model, "ema": None, "train_args": {"project": "/home/somebody"}}
    checkpoint |= {"git": {"root": "/home/somebody"}, "date": "today", "version": "8"}
    stripped = yolo_train.strip(checkpoint)
    assert "/home" not in repr([stripped, vars(stripped["model"])])
    assert stripped["version"] == "8"
    assert next(stripped["model"].parameters()).dtype == torch.float16
