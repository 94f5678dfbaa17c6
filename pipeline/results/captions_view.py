"""The response model of captions that were uploaded beside a video."""

from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.sidecar import Sidecar


class CaptionsView(BaseModel):
    """A file of captions beside the video, such as ``holiday.de.srt`` beside ``holiday.mp4``."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="Its file name", examples=["holiday.de.srt"])
    language: str | None = Field(description="Language tag in its name", examples=["de"])
    flags: list[str] = Field(description="Further words in its name: cc, default, forced, sdh")
    link: str | None = Field(
        description="Path of this API to the same captions as WebVTT",
        examples=["/videos/5c1e…/captions/holiday.de.srt"],
    )

    @classmethod
    def of(cls, sidecar: Sidecar, base: str | None) -> "CaptionsView":
        """Return the view of captions; ``base`` is the path of their video, if there is one."""
        return cls(
            name=sidecar.name,
            language=sidecar.language,
            flags=list(sidecar.flags),
            link=base and f"{base}/captions/{quote(sidecar.name)}",
        )
