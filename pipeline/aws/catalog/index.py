"""The index that the catalog keeps in step with the current results."""

from typing import Protocol

from pipeline.aws.catalog.search_generations import Generation
from pipeline.core.events import Upload
from pipeline.core.records import StageResult


class Index(Protocol):
    """An index of current results: written before they become current, shown afterwards."""

    def write(
        self, video_id: str, result: StageResult, *, attempt: int, upload: Upload | None
    ) -> Generation | None:
        """Index a result that is about to become current; queries do not find it yet."""

    def show(
        self, written: Generation | None, *, attempt: int, revision: str, upload: Upload | None
    ) -> None:
        """Let queries find what was written, and remove what it replaces."""

    def forget(self, video_id: str) -> None:
        """Remove a deleted video."""


class Unindexed:
    """An index that holds nothing, for catalogs that only read."""

    def write(
        self, _video_id: str, _result: StageResult, *, attempt: int, upload: Upload | None
    ) -> None:
        """Index nothing."""
        del attempt, upload

    def show(
        self, _written: Generation | None, *, attempt: int, revision: str, upload: Upload | None
    ) -> None:
        """Show nothing."""
        del attempt, revision, upload

    def forget(self, _video_id: str) -> None:
        """Remove nothing."""
