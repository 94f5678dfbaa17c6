"""The chapters of a file, as data and as WebVTT."""

import json
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from pipeline.core.location import Location
from pipeline.media import ffmpeg, streams, webvtt

_MOST = 1000
_LONGEST = 200
_SLACK_S = 0.1  # sound may begin this much before the first chapter, for its priming


class Chapter(BaseModel):
    """One chapter; times in seconds on the file's timeline."""

    model_config = ConfigDict(frozen=True)

    start: float
    end: float
    title: str


class Chapters(BaseModel):
    """The chapters of a video, in order; ``chapters.json`` is this model as JSON."""

    model_config = ConfigDict(frozen=True)

    chapters: list[Chapter]

    def vtt(self) -> str:
        """Return the chapters as WebVTT."""
        cues = (webvtt.cue(c.start, c.end, webvtt.escaped(c.title)) for c in self.chapters)
        return "\n".join(["WEBVTT\n", *cues])


def read(path: Location, duration_s: float) -> Chapters:
    """Read the chapters of a file of ``duration_s`` seconds; each ends where the next begins."""
    with ffmpeg.probing(path, "-of", "json", "-show_format", "-show_chapters") as child:
        raw = json.loads(child.read(16 * 1024**2))
        ffmpeg.judge(child)
    given = raw.get("chapters", [])[:_MOST]
    starts = [streams.seconds(one.get("start_time")) for one in given]
    begin = streams.seconds(raw.get("format", {}).get("start_time"))
    if min(starts, default=0.0) < begin - _SLACK_S:
        begin = 0.0  # they count from the beginning, not on the clock of the tracks
    found = [
        (
            max(0.0, start - begin),
            streams.seconds(one.get("end_time")) - begin,
            webvtt.shown(one.get("tags", {}).get("title", ""))[:_LONGEST],
        )
        for one, start in zip(given, starts, strict=True)
    ]
    return arranged(found, duration_s)


def arranged(found: Sequence[tuple[float, float, str]], duration_s: float) -> Chapters:
    """Return chapters from (start, end, title), in order, within the video, without overlaps."""
    inside = sorted({one[0]: one for one in found if one[0] < duration_s}.values())
    limits = [*(start for start, _, _ in inside), duration_s][1:]
    return Chapters(
        chapters=[
            Chapter(
                start=round(start, 3),
                end=round(min(limit, end) if end > start else limit, 3),
                title=title or f"Chapter {number}",
            )
            for number, ((start, end, title), limit) in enumerate(
                zip(inside, limits, strict=True), 1
            )
        ]
    )
