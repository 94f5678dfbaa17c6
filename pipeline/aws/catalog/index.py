"""The index that the catalog keeps in step with the current results."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from pipeline.core.events import Upload
from pipeline.core.records import StageResult


class Indexed(NamedTuple):
    """The index of a result.

    Attributes:
        rows: to write before the result becomes current.
        about: what the row of its stage holds of it, written as the result becomes current; None
            if the result is not in the index.
    """

    rows: list[dict[str, Any]]
    about: str | None


class Index(Protocol):
    """An index of current results."""

    def of(
        self,
        video_id: str,
        result: StageResult,
        *,
        revision: str,
        upload: Upload | None,
        files: Mapping[str, bytes] | None = None,
    ) -> Indexed:
        """Return the index of a result that is about to become current."""

    def forget(self, video_id: str) -> None:
        """Remove a deleted video."""


class Unindexed:
    """An index that holds nothing, for catalogs that only read."""

    def of(
        self,
        _video_id: str,
        _result: StageResult,
        *,
        revision: str,
        upload: Upload | None,
        files: Mapping[str, bytes] | None = None,
    ) -> Indexed:
        """Index nothing."""
        del revision, upload, files
        return Indexed([], None)

    def forget(self, _video_id: str) -> None:
        """Remove nothing."""
