"""Searching: moments in all videos, and results of earlier versions."""

import pytest

from pipeline import bootstrap
from pipeline.aws.catalog.index import Unindexed


def talk(seed, config):
    upload = seed.upload("[b]talk.mp4", bucket=config.names.uploads_bucket)
    seed.transcribe(upload, "good day", "good night")
    seed.detect(upload, {"star": [(0, 1)]})
    return upload


def test_words_and_labels_are_found_with_the_time_and_the_words_around(cli, seed, stored):
    upload = talk(seed, stored)
    printed = cli("search", "night")
    assert printed.code == 0
    assert "[b]talk.mp4" in printed.out
    assert "good night" in printed.out
    (moment,) = cli("search", '"good day"', "--label", "Star", "--json").json["moments"]
    assert moment["video_id"] == upload.video_id
    assert moment["start"] < 1
    nothing = cli("search", "good", "--label", "ring")
    assert (nothing.code, nothing.out) == (0, "")
    assert "Nothing matches" in nothing.err


def test_results_of_earlier_versions_are_found_once_they_are_indexed(
    cli, seed, stored, monkeypatch
):
    with monkeypatch.context() as earlier:
        earlier.setattr(bootstrap.stores, "search_index", lambda *_: Unindexed())
        talk(seed.of(stored, seed.folder), stored)
    assert cli("search", "night", "--json").json["moments"] == []
    assert "2 results" in cli("search", "--reindex").out
    assert len(cli("search", "night", "--json").json["moments"]) == 1
    assert cli("search", "--reindex", "--json").json == {"videos": 1, "indexed": 0}


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("wrong", [("--language", "klingon"), ("--since", "x"), ("--within", "-1")])
def test_a_wrong_option_is_rejected(cli, wrong):
    assert cli("search", "word", *wrong).code == 2
