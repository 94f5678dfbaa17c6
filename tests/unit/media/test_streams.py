from pipeline.media import streams


def test_a_tag_of_any_length_leaves_room_for_the_rest_of_the_record():
    """A record must fit in a DynamoDB item, which is limited to 400 KB."""
    tags = {"LANGUAGE": "eng" * 200_000, "title": "ü" * 500_000}
    raw = {"index": 1, "codec_name": "aac", "channels": 2, "sample_rate": "48000"}
    track = streams.audio(raw | {"tags": tags, "disposition": {"default": 1}}, 0)
    assert (track.language, track.title) == (("eng" * 67)[:200], "ü" * 200)


def tracks(*handlers, kind="audio"):
    return [
        {"index": n, "codec_type": kind, "tags": {"handler_name": name}}
        for n, name in enumerate(handlers)
    ]


def titles(found):
    return [one["tags"].get("title") for one in found]


def test_names_of_handlers_are_titles_where_they_tell_tracks_apart():
    """MP4 has no other title that ffprobe reads."""
    assert titles(streams.titled(tracks("Main", "Commentary", "SoundHandler"))) == [
        "Main",
        "Commentary",
        None,
    ]
    assert titles(streams.titled(tracks("Core Media Audio", "Core Media Audio"))) == [None, None]
    assert titles(streams.titled(tracks("Main"))) == [None]


def test_commentary_and_descriptions_are_known_by_flag_or_title():
    def audio(title="", **flags):
        raw = {"index": 1, "codec_name": "aac", "channels": 2, "sample_rate": "48000"}
        flags = {"default": 0} | flags
        found = streams.audio(raw | {"tags": {"title": title}, "disposition": flags}, 0)
        return found.commentary, found.described

    assert audio(comment=1) == (True, False)
    assert audio("Director's Commentary") == (True, False)
    assert audio(visual_impaired=1) == (False, True)
    for title in ("English Audio Description", "English (AD)", "AD", "Descriptive Audio"):
        assert audio(title) == (False, True)
    for title in ("English", "Radio edit", "Comment allez-vous"):
        assert audio(title) == (False, False)
