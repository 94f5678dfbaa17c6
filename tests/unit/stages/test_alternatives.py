import pytest

from pipeline.core.media_info import AudioStream, SubtitleStream
from pipeline.stages.transcode import alternatives, hls

RENDITION = hls.Rendition("audio-1", "mp4a.40.2", (hls.Segment("sound-1-1.mp4", 0, 9000, 6.0),))


def sounds(*tracks):
    fields = {"codec": "aac", "channels": 2, "sample_rate": 48_000}
    made = [(AudioStream(index=n, **fields | one), RENDITION) for n, one in enumerate(tracks)]
    return alternatives.sounds(made)


def subtitles(*tracks):
    made = [
        (SubtitleStream(index=n, codec="subrip", **one), f"subtitles-{n}")
        for n, one in enumerate(tracks)
    ]
    return alternatives.subtitles(made)


def test_titles_become_names_and_others_have_number_and_language():
    made = sounds({"language": "eng"}, {"title": 'Cut "2", part\n1'}, {})
    assert [one.name for one in made] == ["Audio 1 (eng)", "Cut '2', part 1", "Audio 3"]


def test_names_are_distinct():
    made = sounds(*[{"title": "Main"}] * 3)
    assert [one.name for one in made] == ["Main", "Main (#2)", "Main (#3)"]


def test_the_first_track_is_the_default_and_no_player_chooses_a_commentary_by_itself():
    made = sounds({"language": "eng"}, {"language": "eng", "commentary": True}, {"language": "deu"})
    assert [(one.default, one.automatic) for one in made] == [
        (True, True),
        (False, False),
        (False, True),
    ]
    assert made[1].name == "Commentary 2 (eng)"
    assert made[1].characteristics == ("org.videodrop.commentary",)


def test_a_description_is_marked_so_that_those_who_need_it_get_it():
    _, described = sounds({"language": "eng"}, {"language": "eng", "described": True})
    assert described.automatic
    assert described.characteristics == ("public.accessibility.describes-video",)


def test_of_two_tracks_with_the_same_purpose_one_is_automatic():
    made = sounds({"language": "eng"}, {"language": "eng", "title": "Only music"})
    assert [one.automatic for one in made] == [True, False]


@pytest.mark.parametrize("language", ['e"', "1", "english language", None])
def test_what_is_no_language_tag_is_left_out(language):
    (one,) = sounds({"language": language})
    assert one.language is None


def test_subtitles_keep_default_forced_and_purpose():
    made = subtitles(
        {"language": "eng", "forced": True, "default": True},
        {"language": "eng", "default": True},
        {"language": "eng", "hearing_impaired": True, "default": True},
    )
    assert [(one.default, one.automatic, one.forced) for one in made] == [
        (False, True, True),
        (True, True, False),
        (False, True, False),
    ]
    assert "public.accessibility.transcribes-spoken-dialog" in made[2].characteristics
    text = hls.master_playlist([hls.Picture(RENDITION, 320, 180, 25)], [], made)
    assert text.count("#EXT-X-MEDIA:TYPE=SUBTITLES") == 3
    assert text.count("FORCED=YES") == 1
    assert 'SUBTITLES="subtitles"' in text.splitlines()[-2]
