from pipeline.media import streams


def test_a_tag_of_any_length_leaves_room_for_the_rest_of_the_record():
    """A record must fit in a DynamoDB item, which is limited to 400 KB."""
    tags = {"LANGUAGE": "eng" * 200_000, "title": "ü" * 500_000}
    raw = {"index": 1, "codec_name": "aac", "channels": 2, "sample_rate": "48000"}
    track = streams.audio(raw | {"tags": tags, "disposition": {"default": 1}}, 0)
    assert (track.language, track.title) == (("eng" * 67)[:200], "ü" * 200)
