"""SIGKILL of the embedded AWS at random moments: nothing that it acknowledged is missing."""

import pytest

from benchmarks import kills


@pytest.mark.usefixtures("untraced_children")
def test_nothing_acknowledged_is_missing_after_kills_under_load(tmp_path):
    found = kills.run(tmp_path / "aws", kills=10, seed=1)
    assert not any(found["missing"].values()), found
    kinds = {"objects", "records", "additions", "messages"}
    assert found["acknowledged"].keys() >= kinds, "it was under load"
