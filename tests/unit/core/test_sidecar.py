import pytest

from pipeline.core import sidecar


def found(captions, video):
    """Return (language, flags) of captions for a video; None if they are not of it."""
    paths = [sidecar.same(path) for path in sidecar.paths(video)]
    for owner in sidecar.owners(captions):
        if sidecar.same(owner.path) in paths:
            return owner.language, owner.flags
    return None


@pytest.mark.parametrize(
    ("captions", "language", "flags"),
    [
        ("v/clip.srt", None, ()),
        ("v/clip.de.srt", "de", ()),
        ("v/clip.DE.vtt", "de", ()),
        ("v/clip.eng.srt", "eng", ()),
        ("v/clip.pt_br.srt", "pt-BR", ()),
        ("v/clip.zh-hant-tw.srt", "zh-Hant-TW", ()),
        ("v/clip.es-419.srt", "es-419", ()),
        ("v/clip.de.forced.srt", "de", ("forced",)),
        ("v/clip.sdh.en.srt", "en", ("sdh",)),
        ("v/clip.mp4.srt", None, ()),
        ("v/clip.mp4.fr.srt", "fr", ()),
    ],
)
def test_captions_belong_to_the_video_of_the_same_name(captions, language, flags):
    assert found(captions, "v/clip.mp4") == (language, flags)


@pytest.mark.parametrize(
    ("captions", "video"),
    [
        ("v/clip.srt", "w/clip.mp4"),
        ("clip.srt", "v/clip.mp4"),
        ("v/clip.srt", "v/clip2.mp4"),
        ("v/clip2.srt", "v/clip.mp4"),
        ("v/clip.part2.srt", "v/clip.mp4"),
        ("v/clip.mov.srt", "v/clip.mp4"),
        ("v.de/clip.srt", "v/clip.mp4"),
        ("v/clip.de.fr.srt", "v/clip.mp4"),
    ],
)
def test_captions_do_not_belong_to_another_video(captions, video):
    assert found(captions, video) is None


def test_a_word_before_the_extension_may_be_a_part_of_the_videos_name():
    assert found("v/my.talk.de.srt", "v/my.talk.de.mp4") == (None, ())
    assert found("v/my.talk.de.srt", "v/my.talk.mp4") == ("de", ())
    assert found("v/clip.mov.srt", "v/clip.mov") == (None, ())


def test_accents_are_compared_in_one_form():
    assert found("v/e\u0301te\u0301.srt", "v/été.mp4") == (None, ())


def test_a_video_without_extension_has_captions_too():
    assert found("v/clip.srt", "v/clip") == (None, ())
    assert sidecar.paths("v/clip") == ["v/clip"]


def test_a_long_row_of_words_names_few_videos():
    assert len(sidecar.owners("v/" + "cc." * 300 + "srt")) == 4


@pytest.mark.parametrize(
    ("captions", "video", "key", "expected"),
    [
        ("b.de.srt", "b.mp4", "videos/1/a.mp4", "videos/1/a.de.srt"),
        ("b.mp4.de.srt", "b.mp4", "videos/1/a.mov", "videos/1/a.mov.de.srt"),
        ("b.srt", "b", "videos/1/a", "videos/1/a.srt"),
        ("b.srt", "b.mp4", "videos/1/a", "videos/1/a.srt"),
        ("u\u0308.srt", "ü.mp4", "videos/1/x.mp4", "videos/1/x.srt"),
        ("a.b.srt", "a.b.mp4", "videos/1/a.b.mp4", "videos/1/a.b.srt"),
        ("other.srt", "b.mp4", "videos/1/a.mp4", "videos/1/other.srt"),
    ],
)
def test_captions_get_the_name_of_the_video_that_they_are_put_beside(
    captions, video, key, expected
):
    assert sidecar.beside(captions, video, key) == expected
