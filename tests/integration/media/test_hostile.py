"""Some of the hostile files of ``benchmarks.hostile``, which has all."""

import pytest

from benchmarks.hostile.__main__ import kinds
from benchmarks.hostile.trial import faults, tried

KINDS = {one.name: one for one in kinds()}
PROBED = (
    *("text-hls", "text-hls-concat", "text-concat", "text-svg", "image-png-bomb", "zip-bomb"),
    *("polyglot-ftyp-playlist", "binary-pickle", "binary-sync-playlist"),
    *("mp4-samples-patient", "mp4-edits-20000", "mp4-free-million", "mp4-tracks-1000"),
    *("mp4-stts-lies", "mp4-trun", "mp4-nested-udta", "mp4-fps-1000000", "mp4-day"),
    *("mkv-tracks", "mkv-deep-chapters", "mkv-rate-nan", "mkv-size-65535x65535"),
    *("wav-six-hours-of-1-hz", "wav-channels-65535", "avi-streams"),
    *("mp3-chapters", "mp3-covers", "flac-rate-0", "ogg-streams", "ts-streams"),
)
RUN = (("thumbnail", "size-16x16384"), ("transcode", "mp4-fps-million-9"))


@pytest.mark.parametrize(
    ("stage", "name"), [*(("transcode", name) for name in PROBED), *RUN], ids=lambda one: one
)
def test_a_hostile_file_ends_as_expected_within_seconds(tmp_path, stage, name):
    path = tmp_path / "source"
    path.write_bytes(KINDS[name].make())
    seen = tried(stage, path)
    assert list(faults(KINDS[name], seen)) == [], seen


def test_there_are_files_of_all_kinds():
    assert len(KINDS) > 300
    assert {*PROBED, *(name for _, name in RUN)} <= KINDS.keys()
