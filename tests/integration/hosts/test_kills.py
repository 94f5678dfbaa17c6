"""Kills and power cuts of the embedded AWS: nothing that it acknowledged is missing."""

import pytest

from benchmarks import kills


@pytest.mark.usefixtures("untraced_children")
@pytest.mark.parametrize("power_cuts", [False, True])
def test_nothing_acknowledged_is_missing_after_kills_under_load(tmp_path, power_cuts):
    found = kills.run(tmp_path / "aws", kills=8, seed=1, power_cuts=power_cuts)
    assert not any(found["missing"].values()), found
    kinds = {"objects", "records", "additions", "messages"}
    assert found["acknowledged"].keys() >= kinds, "it was under load"
