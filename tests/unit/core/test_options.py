import pytest
from pydantic import BaseModel, Field

from pipeline.core import upload_options as options
from pipeline.core.errors import BadInput

STAGES = ["transcode", "transcribe", "detect"]


class Params(BaseModel):
    confidence: float = Field(0.25, ge=0, le=1)
    max_boxes: int = 100
    names: list[str] = []
    tracks: bool = True
    model: str = "tiny"


def test_nothing_given_means_all_stages_with_their_defaults():
    given = options.parse({}, STAGES)
    assert given.stages is None
    assert all(given.wants(stage) for stage in STAGES)
    assert given.params == {}


def test_other_metadata_is_ignored():
    assert options.parse({"author": "me", "videodropper": "x"}, STAGES) == options.Options()


def test_only_the_named_stages_run():
    given = options.parse({"videodrop-stages": " transcode , detect,"}, STAGES)
    assert [s for s in STAGES if given.wants(s)] == ["transcode", "detect"]


def test_short_and_full_names_reach_their_parameter():
    given = options.parse(
        {
            "videodrop-language": "de",
            "Videodrop-Task": "translate",
            "videodrop-detect-max-boxes": "7",
        },
        STAGES,
    )
    assert given.params == {
        "transcribe": {"language": "de", "task": "translate"},
        "detect": {"max_boxes": "7"},
    }


@pytest.mark.parametrize(
    "metadata",
    [
        {"videodrop-stages": "transcode,paint"},
        {"videodrop-stages": " , "},
        {"videodrop-colour": "red"},
        {"videodrop-": "red"},
        {"videodrop-paint-colour": "red"},
    ],
)
def test_an_unknown_option_is_rejected_by_name(metadata: dict[str, str]):
    with pytest.raises(BadInput) as refused:
        options.parse(metadata, STAGES)
    assert refused.value.code == "bad_option"
    assert next(iter(metadata)) in refused.value.message


def test_a_rejected_stage_list_lists_the_known_stages():
    with pytest.raises(BadInput, match="transcode, transcribe, detect"):
        options.parse({"videodrop-stages": "all"}, STAGES)


def test_values_are_converted_to_the_parameters_type():
    texts = {
        "confidence": "0.5",
        "max_boxes": "7",
        "names": '["a", "b"]',
        "tracks": "false",
        "model": "123",
    }
    given = {name: options.value(text) for name, text in texts.items()}
    assert options.validate(Params, "detect", given) == Params(
        confidence=0.5, max_boxes=7, names=["a", "b"], tracks=False, model="123"
    )


@pytest.mark.parametrize("text", ["[1, 2", "{", "[" * 100_000])
def test_broken_json_is_text_and_then_rejected_as_text(text: str):
    with pytest.raises(BadInput, match="names: "):
        options.validate(Params, "detect", {"names": options.value(text)})


def test_an_unknown_parameter_is_rejected_with_a_list_of_the_known_ones():
    with pytest.raises(BadInput, match=r"detect has no parameter colour, size.*confidence"):
        options.validate(Params, "detect", {"size": 1, "colour": 1, "confidence": 1})


def test_a_value_out_of_range_is_rejected_by_name():
    with pytest.raises(BadInput, match=r"parameter of detect.*confidence: .*less than or equal"):
        options.validate(Params, "detect", {"confidence": 1.5})


def test_pairs_of_a_command_line():
    assert options.pairs(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    with pytest.raises(BadInput, match="'a' is not an option"):
        options.pairs(["a"])


@pytest.mark.parametrize("path", ["/etc/passwd.pt", "../other.pt", "./mine.pt"])
def test_an_uploader_cannot_name_a_file_of_the_worker_as_a_model(path: str):
    with pytest.raises(BadInput, match="by name") as caught:
        options.parse({"videodrop-transcribe-model": path}, STAGES)
    assert caught.value.code == "bad_option"
