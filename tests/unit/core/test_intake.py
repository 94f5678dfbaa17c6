import pytest

from pipeline.core.errors import BadInput
from pipeline.core.intake import MAX_CAPTIONS_BYTES, check_place, kind


def test_only_objects_of_our_bucket_and_prefix_are_processed():
    check_place("ours", "videos/a.mp4", ours="ours", prefix="videos/")
    for bucket, key in (("another", "videos/a.mp4"), ("ours", "private/a.mp4"), ("ours", "videos")):
        with pytest.raises(BadInput) as rejected:
            check_place(bucket, key, ours="ours", prefix="videos/")
        assert rejected.value.code == "foreign_object"


@pytest.mark.parametrize(
    "key",
    [
        "videos/a.mp4",
        "videos/no extension",
        "videos/a.MOV",
        "videos/2024/clip.part1.mp4",
        "videos/talk.mp3",
        "videos/notes.txt",  # its content decides
        "videos/tmp/a.mp4",
        "videos/../a.mp4",
        "videos/…/a.mp4",
        "videos/thumbs.db.mp4",
        "videos/partial.mp4",
    ],
)
def test_whatever_may_be_media_is_processed(key):
    assert kind(key, 5) == "media"
    assert kind(key, 0) == "media"  # fails with a reason that the uploader sees


@pytest.mark.parametrize(
    "key",
    [
        "videos/.DS_Store",
        "videos/._clip.mp4",
        "videos/.clip.mp4.Xy12Za",
        "videos/.keep",
        "videos/.Trashes/501/clip.mp4",
        "videos/__MACOSX/clip.mp4",
        "videos/@eaDir/clip.mp4/SYNOVIDEO.jpg",
        "videos/$RECYCLE.BIN/clip.mp4",
        "videos/Thumbs.db",
        "videos/desktop.ini",
        "videos/Icon\r",
        "videos/clip.mp4.part",
        "videos/clip.mp4.PART",
        "videos/Unconfirmed 1234.crdownload",
        "videos/clip.mp4.filepart",
        "videos/clip.mp4.aria2",
        "videos/clip.download",
        "videos/clip.mp4~",
        "videos/~$clip.mp4",
        "videos/clip.tmp",
        "videos/clip.ass",
        "videos/clip.xmp",
        "videos/clip.info.json",
        "videos/clip.mp4.md5",
    ],
)
@pytest.mark.parametrize("size", [0, 4096])
def test_what_systems_and_tools_leave_beside_videos_is_no_upload(key, size):
    assert kind(key, size) == "other"


@pytest.mark.parametrize("key", ["videos/", "videos/2024/", "videos/2024_$folder$"])
def test_an_empty_folder_is_no_upload(key):
    assert kind(key, 0) == "other"
    assert kind(key, 1) == "media"


@pytest.mark.parametrize("key", ["videos/a.srt", "videos/a.de.VTT", "videos/x/ä.SRT"])
def test_captions_are_told_from_media(key):
    assert kind(key, 900) == "captions"
    assert kind(key, MAX_CAPTIONS_BYTES + 1) == "other"


@pytest.mark.parametrize("key", ["videos/.a.srt", "videos/a.srt.part", "videos/__MACOSX/a.srt"])
def test_hidden_and_incomplete_captions_are_no_captions(key):
    assert kind(key, 900) == "other"
