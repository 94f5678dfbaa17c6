import json

import pytest

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import vocabulary
from pipeline.stages.transcribe.tokens import Tokens

MULTILINGUAL, LARGE_V3 = 51_865, 51_866


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a model that knows three words and the single bytes."""

    def make(size):
        notation = {byte: char for char, byte in vocabulary._notation().items()}
        text = [notation[byte] for byte in range(256)] + ["Ġhi", "Ġyou", "é"]
        text += [f"<|unused{at}|>" for at in range(len(text), vocabulary.text_tokens(size))]
        tokens = [*text, *vocabulary.special(size)]
        assert len(tokens) == size
        (tmp_path / "vocabulary.json").write_text(json.dumps(tokens))
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("size", "languages", "sequence"),
    [
        (vocabulary.ENGLISH_ONLY, 1, [50_257]),
        (MULTILINGUAL, 99, [50_258, 50_261, 50_359]),
        (LARGE_V3, 100, [50_258, 50_261, 50_360]),
    ],
)
def test_special_tokens_have_their_numbers(folder, size, languages, sequence):
    tokens = Tokens(folder(size))
    assert len(tokens.languages) == languages
    assert tokens.sequence("de", "transcribe") == sequence


def test_a_transcript_is_decoded_without_special_tokens(folder):
    tokens = Tokens(folder(MULTILINGUAL))
    assert tokens.decode([50_258, 256, 257, 50_364, 50_257]) == " hi you"
    assert tokens.decode([256, 40_000]) == " hi"  # a token that the model was not trained on
    assert tokens.seconds(50_364) == 0
    assert tokens.seconds(50_364 + 75) == pytest.approx(1.5)
    assert tokens.seconds(256) is None


def test_a_character_of_several_tokens_is_one_part(folder):
    tokens = Tokens(folder(MULTILINGUAL))
    euro = list("€".encode())
    assert tokens.characters([256, *euro, 257]) == [(" hi", 1), ("€", 3), (" you", 1)]


def test_a_prompt_is_earlier_text_and_keeps_its_end(folder):
    tokens = Tokens(folder(MULTILINGUAL))
    assert tokens.prompt(None, 10) == []
    assert tokens.prompt("hi you", 1) == [50_361, 257]


@pytest.mark.parametrize("text", ["", "{", "[1, 2", '{"a": "b"}', '{"a": -60000}'])
def test_a_file_that_is_no_vocabulary_is_rejected(tmp_path, text):
    path = tmp_path / "vocabulary.json"
    path.write_text(text)
    with pytest.raises(MissingDependency, match="not the vocabulary"):
        vocabulary.read(path)
