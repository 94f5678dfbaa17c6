"""The view of a file that a stage made, and the files of a video."""

from collections.abc import Iterable
from typing import Protocol, Self

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.records import PublishedArtifact, StageResult, Video
from pipeline.results.file_names import file_name


class Sign(Protocol):
    """A function that signs a URL for an artifact: ``Artifacts.url``."""

    def __call__(self, key: str, *, download_as: str | None = None) -> str:
        """Return the URL of ``key``; with ``download_as`` a browser saves it by that name."""


class ArtifactView(BaseModel):
    """A file that a stage made."""

    model_config = ConfigDict(frozen=True)

    stage: str
    role: str = Field(description="Its purpose", examples=["poster", "captions_vtt"])
    name: str = Field(description="Its path within the stage's result", examples=["captions.vtt"])
    media_type: str
    bytes: int
    sha256: str | None = Field(description="None for a file that was joined within S3")
    url: str = Field(description="Presigned; it lasts as long as the video and an hour more")
    download_url: str = Field(description="The same file, saved by a browser instead of shown")

    @classmethod
    def of(cls, video: Video, result: StageResult, artifact: PublishedArtifact, sign: Sign) -> Self:
        """Return the view of a file of a result of ``video``."""
        key = result.prefix + artifact.name
        return cls(
            stage=result.stage,
            role=artifact.role,
            name=artifact.name,
            media_type=artifact.media_type,
            bytes=artifact.bytes,
            sha256=artifact.sha256,
            url=sign(key),
            download_url=sign(key, download_as=file_name(video, artifact.name)),
        )


def middle_poster(artifacts: Iterable[PublishedArtifact]) -> PublishedArtifact | None:
    """Return the poster of the middle size: sharp enough for a card, small enough for a list."""
    sizes = sorted((one for one in artifacts if one.role == "poster"), key=lambda one: one.bytes)
    return sizes[len(sizes) // 2] if sizes else None


def of_video(
    video: Video, *, role: str | None = None
) -> list[tuple[StageResult, PublishedArtifact]]:
    """Return files of the current results, in stage order; only those with ``role`` if given."""
    return [
        (run.current_result, one)
        for run in video.stages.values()
        if run.current_result
        for one in run.current_result.artifacts
        if role in {None, one.role}
    ]
