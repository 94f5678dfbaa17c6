"""The first read of a source: one request tells its metadata, and may begin its download."""

from collections.abc import Mapping

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.source_files import Download
from pipeline.core.events import Upload
from pipeline.runs import sources


class FirstRead:
    """The first request for a source, made when its metadata is first needed.

    Args:
        artifacts: the buckets.
        upload: the source.

    Attributes:
        download: the download that it has begun, if any.
    """

    def __init__(self, artifacts: Artifacts, upload: Upload) -> None:
        self._artifacts = artifacts
        self._upload = upload
        self._metadata: Mapping[str, str] | None = None
        self._error: Exception | None = None
        self.download: Download | None = None

    def metadata(self, *, content: bool) -> Mapping[str, str]:
        """Return the user metadata of the source.

        Args:
            content: whether the content will be read: then a small source is requested with it.

        Raises:
            Exception: see ``SourceFiles.head``; each time the same.
        """
        if self._error:
            raise self._error
        if self._metadata is None:
            try:
                self._metadata = self._read(content=content)
            except Exception as error:
                self._error = error
                raise
        return self._metadata

    def metadata_if_any(self) -> Mapping[str, str] | None:
        """Return that of a new source; None if it cannot be read, which ``metadata`` raises."""
        try:
            return self.metadata(content=True)
        except Exception:  # noqa: BLE001 - it is kept
            return None

    def close(self) -> None:
        """End a download of which not all is needed."""
        if self.download:
            self.download.close()

    def _read(self, *, content: bool) -> Mapping[str, str]:
        if not (content and sources.is_planned_from_a_copy(self._upload)):
            return self._artifacts.head(self._upload).metadata
        self.download = self._artifacts.begin(self._upload)
        return self.download.metadata
