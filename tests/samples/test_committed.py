"""The committed samples are complete, small, and reproducible by the generator."""

import json
from pathlib import Path

import pytest

from samples import generate, grammar
from samples.video import Truth

FOLDER = Path(generate.__file__).parent
NAMES = ("landscape", "portrait", "silent", "speech-only")


def truth(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.truth.json").read_text())


def test_all_samples_exist_and_are_small():
    assert sorted(path.stem for path in FOLDER.glob("*.mp4")) == sorted(NAMES)
    assert tuple(sample.name for sample in generate.SAMPLES) == NAMES
    files = [path for path in FOLDER.iterdir() if path.suffix in {".mp4", ".json"}]
    assert sum(path.stat().st_size for path in files) <= 3_000_000


@pytest.mark.parametrize("name", NAMES)
def test_no_sentence_was_trained_on(name):
    said = [sentence["text"] for sentence in truth(name)["sentences"]]
    assert all(grammar.is_held_out(text) for text in said)
    assert bool(said) is (name != "silent")
    words = " ".join(word["word"] for word in truth(name)["words"])
    assert words == " ".join(said)


def test_each_sample_has_its_content():
    assert truth("landscape")["width"] > truth("landscape")["height"]
    assert truth("portrait")["width"] < truth("portrait")["height"]
    assert truth("landscape")["seconds"] >= 20
    for name in NAMES:
        objects = [one for frame in truth(name)["frames"] for one in frame["objects"]]
        assert bool(objects) is (name != "speech-only")


def test_the_generator_makes_the_same_truth_again(tmp_path):
    """Only the silent one: word times may differ by a millisecond between versions of espeak-ng."""
    sample = next(one for one in generate.SAMPLES if one.name == "silent")
    shots = list(sample.shots())
    made = Truth(*shots[0].size, shots[0].fps)
    for one in shots:
        made.add(one, heard=False)
    made.write(tmp_path / "silent.truth.json")
    assert json.loads((tmp_path / "silent.truth.json").read_text()) == truth("silent")
