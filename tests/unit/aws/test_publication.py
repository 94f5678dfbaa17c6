"""The publication of results: what is checked before anything is uploaded."""

from pathlib import Path

import pytest

from pipeline.aws.publication import Publication
from pipeline.core.errors import LeaseLost
from pipeline.core.stage import Artifact


def test_a_worker_that_lost_its_lease_in_silence_uploads_nothing(tmp_path: Path):
    (tmp_path / "a.txt").write_text("hello")
    artifact = Artifact(role="text", name="a.txt", media_type="text/plain")

    def report(_fraction: float) -> None:
        raise LeaseLost

    no_s3 = None  # any request to it is another error
    with pytest.raises(LeaseLost):
        Publication(no_s3, "b").upload("artifacts/v/", tmp_path, [artifact], report)
