"""The search index, kept in step with the current results.

A result is indexed before it becomes current, and shown afterwards. A crash in between leaves the
former index; the janitor shows the new one when the writer's lease has expired.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pipeline.aws.catalog.search_generations import Generation
from pipeline.aws.catalog.search_rows import attribute
from pipeline.aws.catalog.search_writes import SearchWrites
from pipeline.aws.catalog.table import iso
from pipeline.aws.catalog.videos import Videos
from pipeline.core import languages
from pipeline.core.events import Upload
from pipeline.core.records import TERMINAL, PublishedArtifact, StageResult, StageRun, Video
from pipeline.core.search.pages import Packed, pack_words
from pipeline.results.artifact_view import middle_poster
from pipeline.results.search import document
from pipeline.stages.detect.detections import Track, items
from pipeline.stages.transcribe.transcript import Transcript

log = logging.getLogger(__name__)

_ROLES = ("transcript_json", "tracks_json")


class SearchIndex:
    """The search index of an installation.

    Args:
        writes: the writes to the index.
        videos: the records of videos.
        stream: reads a file of a result by its key, piece by piece.
    """

    def __init__(
        self, writes: SearchWrites, videos: Videos, stream: Callable[[str], Iterable[bytes]]
    ) -> None:
        self._writes = writes
        self._videos = videos
        self._stream = stream

    def write(
        self, video_id: str, result: StageResult, *, attempt: int, upload: Upload | None = None
    ) -> Generation | None:
        """Index a result that is about to become current; queries do not find it yet.

        The first result of a video indexes its name, too.

        Args:
            video_id: the video.
            result: the result.
            attempt: of its run.
            upload: the source, if it is known.

        Returns:
            what to show; None if the result has no text, objects or pictures.

        Raises:
            LeaseLost: the writer took so long that the janitor removed what it wrote.
        """
        if not _is_indexed(result):
            known = self._writes.names.number(video_id)
            if known is None or not known[1]:
                self._name(video_id, upload)
            return None
        file = _file(result)
        wanted = video_id, result.stage, result.fingerprint
        pictures = None if file else _pictures(result)
        one = self._writes.begin(*wanted, attempt=attempt, about=pictures)
        if one is None and self._name(video_id, upload):
            one = self._writes.begin(*wanted, attempt=attempt, about=pictures)
        if file and one and not one.complete:
            try:
                packed, about = self._document(result, file)
            except ValueError:  # a run does not fail because nobody will find its words
                log.warning("%s of %s cannot be indexed", result.stage, video_id, exc_info=True)
                packed, about = pack_words([]), {}
            self._writes.fill(one, packed, about)
            one = one._replace(complete=True, about={**about, "size": packed.size})
        return one

    def show(
        self,
        written: Generation | None,
        *,
        attempt: int,
        revision: str,
        upload: Upload | None = None,
    ) -> None:
        """Let queries find what was written, and remove what it replaces.

        Args:
            written: the outcome of ``write``.
            attempt: of the run.
            revision: of the run.
            upload: the source, if it is known.
        """
        if written is None:
            return
        video_id, stage = written.video_id, written.stage
        head = self._writes.show(written, attempt=attempt, revision=revision)
        if head is None:
            self._writes.forget(written)
            self._exists(video_id)
            return
        upload = upload or self._videos.upload(video_id)
        if upload and head["uploaded"] < iso(upload.time):
            self._writes.date(written.number, uploaded=iso(upload.time))
        if attribute(stage) in head:
            standing = self._writes.settle(video_id, written.number, stage)
        else:  # the first of its stage replaces nothing
            standing = self._writes.release(written)
        # Otherwise this process was asleep, and the janitor took it for dead.
        if not standing and self._exists(video_id) and (video := self._videos.video(video_id)):
            self.rewrite(video, stage=stage)

    def forget(self, video_id: str) -> None:
        """Remove a deleted video."""
        self._writes.forget_video(video_id)

    def mend_overdue(self) -> None:
        """Mend the index of each video of which a writer has died."""
        for video_id in self._writes.overdue():
            self.mend(video_id)

    def mend(self, video_id: str) -> None:
        """Bring the index of a video in step with its current results, after a crash."""
        video = self._videos.video(video_id)
        if video is None or video.deleted_at:
            self._writes.forget_video(video_id)
            return
        known = [one for one in self._writes.all(video_id) if one.complete]
        for run in video.stages.values():
            current = run.current_result
            for one in known:
                if current and (one.stage, one.fingerprint) == (run.stage, current.fingerprint):
                    self._writes.show(one, attempt=_settled(run), revision=run.revision)
        if number := self._writes.names.number(video_id):
            for stage in video.stages:
                self._writes.settle(video_id, number[0], stage)

    def rewrite(self, video: Video, *, stage: str | None = None) -> int:
        """Index the current results of a video that the index lacks; return how many.

        Args:
            video: as it was read.
            stage: only of this stage.
        """
        written = 0
        for run in video.stages.values():
            if (
                stage in {None, run.stage}
                and (result := run.current_result)
                and self._lacks(video, result)
            ):
                attempt = _settled(run)
                one = self.write(video.video_id, result, attempt=attempt)
                self.show(one, attempt=attempt, revision=run.revision)
                written += one is not None
        return written

    def _lacks(self, video: Video, result: StageResult) -> bool:
        known = self._writes.names.number(video.video_id)
        if known is None or not known[1]:
            return True
        head = self._writes.shown_of(known[0], result.stage) or {}
        return _is_indexed(result) and not any(
            one.generation == head.get("generation") and one.fingerprint == result.fingerprint
            for one in self._writes.all(video.video_id)
        )

    def _name(self, video_id: str, upload: Upload | None) -> bool:
        """Index a video's name; return False if the video was deleted."""
        upload = upload or self._videos.upload(video_id)
        if upload is None:
            return False
        words = [one.term for one in document.name_tokens(upload.name)]
        named = self._writes.names.name(video_id, uploaded=iso(upload.time), words=words)
        # A deletion before the video had a number has removed nothing.
        return named and self._exists(video_id)

    def _exists(self, video_id: str) -> bool:
        """Return whether a video exists; remove one that was deleted while it was written."""
        if self._videos.upload(video_id) is not None:
            return True
        self._writes.forget_video(video_id)
        return False

    def _document(
        self, result: StageResult, file: PublishedArtifact
    ) -> tuple[Packed, dict[str, Any]]:
        pieces = self._stream(result.prefix + file.name)
        if file.role == "transcript_json":
            text = Transcript.model_validate_json(b"".join(pieces))
            spoken = document.spoken(text)
            known = sorted({one.language for one in spoken if one.language})
            language = languages.code(text.language) or ""
            return pack_words(spoken), {"language": language, "languages": known}
        labels = sorted({label.lower() for label in result.labels})
        return document.of_tracks(_tracks(pieces)), {"labels": labels}


def _file(result: StageResult) -> PublishedArtifact | None:
    """Return the file of a result that is indexed."""
    return next((one for one in result.artifacts if one.role in _ROLES), None)


def _is_indexed(result: StageResult) -> bool:
    return _file(result) is not None or bool(_pictures(result))


def _pictures(result: StageResult) -> dict[str, Any]:
    """Return what the head has of a video's pictures, so that a search need not read its files."""
    roles = {one.role for one in result.artifacts}
    found: dict[str, Any] = {}
    if poster := middle_poster(result.artifacts):
        found["poster"] = result.prefix + poster.name
    if "storyboard_vtt" in roles:
        found["storyboard"] = True
    return found


def _tracks(pieces: Iterable[bytes]) -> Iterator[Track]:
    return (Track.model_validate_json(line) for line in items(pieces))


def _settled(run: StageRun) -> int:
    """Return the attempt of a run's current result at most: the one at work is yet to show its."""
    return run.attempt if run.state in TERMINAL else run.attempt - 1
