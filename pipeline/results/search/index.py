"""The search index of results: what a run writes with its result, so that a search finds it.

The rows of a document are written before its result becomes current. The write that makes it
current names the document. So a search sees the former document or the new one.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pipeline.aws.catalog.index import Indexed
from pipeline.aws.catalog.search_merge import Merge
from pipeline.aws.catalog.search_writes import document_rows, name_rows, new_document
from pipeline.aws.catalog.videos import Videos
from pipeline.core import languages
from pipeline.core.events import Upload
from pipeline.core.records import PublishedArtifact, StageResult
from pipeline.core.search.pages import Packed, pack_words
from pipeline.core.search.tokens import name_words
from pipeline.results.artifact_view import middle_poster
from pipeline.results.search import document
from pipeline.stages.detect.detections import Track, items
from pipeline.stages.transcribe.transcript import Transcript

log = logging.getLogger(__name__)

ROLES = frozenset({"transcript_json", "tracks_json"})
"""Roles of the files that are indexed."""


class SearchIndex:
    """The search index of an installation.

    Args:
        merge: keeps the index in order.
        videos: the records of videos.
        stream: reads a file of a result by its key, piece by piece.
    """

    def __init__(
        self, merge: Merge, videos: Videos, stream: Callable[[str], Iterable[bytes]]
    ) -> None:
        self._merge = merge
        self._videos = videos
        self._stream = stream

    def of(
        self,
        video_id: str,
        result: StageResult,
        *,
        revision: str,
        upload: Upload | None,
        files: Mapping[str, bytes] | None = None,
    ) -> Indexed:
        """Return the index of a result that is about to become current.

        Args:
            video_id: the video.
            result: the result.
            revision: of the run.
            upload: the source, if it is known.
            files: contents of its files by name, as far as they are at hand.
        """
        upload = upload or self._videos.upload(video_id)
        if upload is None:
            return Indexed([], None)
        words = name_words(upload.name)
        about = {"revision": revision, "warned": result.warned, **_pictures(result)}
        if result.probe:
            about["duration_s"] = result.probe.duration_s
        file = next((one for one in result.artifacts if one.role in ROLES), None)
        if file is None:
            # A first result makes a video known by its name.
            rows = name_rows(video_id, words) if result.attempt == 1 else []
            return Indexed(rows, json.dumps(about))
        known = (files or {}).get(file.name)
        pieces = [known] if known is not None else self._stream(result.prefix + file.name)
        try:
            packed, found = _read(result, file, pieces)
        except ValueError:  # a run does not fail because nobody will find its words
            log.warning("%s of %s cannot be indexed", result.stage, video_id, exc_info=True)
            packed, found = pack_words([]), {}
        one = new_document()
        rows = document_rows(
            *(video_id, result.stage, one, packed),
            words=words,
            languages=found.get("languages", ()),
        )
        about |= {**found, "document": one, "size": packed.size}
        return Indexed(rows, json.dumps(about))

    def forget(self, video_id: str) -> None:
        """Remove a deleted video."""
        self._merge.forget(video_id)

    def merge(self, *, within_s: float) -> int:
        """Merge recent documents, if it is time; return the number of videos."""
        return self._merge.merge(within_s=within_s)


def _read(
    result: StageResult, file: PublishedArtifact, pieces: Iterable[bytes]
) -> tuple[Packed, dict[str, Any]]:
    if file.role == "transcript_json":
        text = Transcript.model_validate_json(b"".join(pieces))
        spoken = document.spoken(text)
        known = sorted({one.language for one in spoken if one.language})
        language = languages.code(text.language) or ""
        return pack_words(spoken), {"language": language, "languages": known}
    labels = sorted({label.lower() for label in result.labels})
    return document.of_tracks(_tracks(pieces)), {"labels": labels}


def _pictures(result: StageResult) -> dict[str, Any]:
    """Return what a search shows of a video's pictures, so that it need not read their list."""
    roles = {one.role for one in result.artifacts}
    found: dict[str, Any] = {}
    if poster := middle_poster(result.artifacts):
        found["poster"] = result.prefix + poster.name
    if "storyboard_vtt" in roles:
        found["storyboard"] = True
    return found


def _tracks(pieces: Iterable[bytes]) -> Iterator[Track]:
    return (Track.model_validate_json(line) for line in items(pieces))
