"""Keys of uploads: no two are equal, and a name is never a path."""

import pytest

from pipeline.core import upload_key
from pipeline.core.errors import InvalidArgument


def test_folders_differ_and_sort_by_time():
    found = [upload_key.new_folder("videos/") for _ in range(100)]
    assert len(set(found)) == 100
    assert [one[:25] for one in found] == sorted(one[:25] for one in found)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b.mp4", "../a.mp4", "a\0.mp4", "x" * 256, "ü" * 128, "\udce9"],
)
def test_a_name_that_cannot_be_the_last_part_of_a_key_is_rejected(name):
    with pytest.raises(InvalidArgument) as error:
        upload_key.checked(name)
    assert error.value.code == "bad_name"


@pytest.mark.parametrize(
    "name", ["a.mp4", "a b+%20 ü 日本.mp4", "x" * 255, "-x", "a..b", "a\n\x1b.mp4"]
)
def test_other_names_are_kept_as_they_are(name):
    assert upload_key.checked(name) == name


@pytest.mark.parametrize(
    ("name", "stem"),
    [("a.mp4", "a"), ("a.de.srt", "a.de"), ("none", "none"), (".x", ".x"), ("u\u0308.mp4", "ü")],
)
def test_names_are_equal_without_their_extension_in_either_form_of_an_accent(name, stem):
    assert upload_key.stem(name) == stem
