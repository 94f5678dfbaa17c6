"""Videos with the records and small real files that the pipeline would make, without running it."""

import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from pipeline import bootstrap
from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.core.errors import VideodropError
from pipeline.core.events import Upload
from pipeline.core.media_info import AudioStream, Probe, VideoStream
from pipeline.core.records import Cost, StageResult, StageRun
from pipeline.core.settings import Settings
from pipeline.core.stage import Artifact, Notice
from pipeline.media import webvtt
from pipeline.stages.detect.json_array import json_array
from tests.fakes.claims import claim_run

START = datetime(2026, 1, 1, tzinfo=UTC)
_numbers = count(1)

PROBE = Probe(
    container="mov,mp4",
    duration_s=2.0,
    size_bytes=1000,
    video=VideoStream(
        index=0,
        codec="h264",
        pix_fmt="yuv420p",
        bit_depth=8,
        coded_width=320,
        coded_height=180,
        width=320,
        height=180,
        fps=25,
        time_base="1/12800",
    ),
    audio=(AudioStream(index=1, codec="aac", channels=1, sample_rate=48000),),
)


def words(*texts: str) -> dict[str, Any]:
    """Make a transcript of consecutive segments, a second each, with evenly spaced words."""
    segments = []
    for at, text in enumerate(texts):
        parts = [f" {part}" for part in text.split()]
        step = 1 / len(parts)
        spoken = [
            {
                "text": part,
                "start": at + step * n,
                "end": at + step * (n + 1),
                "probability": 0.9,
            }
            for n, part in enumerate(parts)
        ]
        segment = {"text": text, "start": at, "end": at + 1, "probability": 0.9, "words": spoken}
        segments.append(segment)
    model = {"name": "tiny", "sha256": "0" * 64, "engine": "whisper", "engine_version": "1"}
    return {
        "task": "transcribe",
        "language": "en",
        "language_probability": 0.99,
        "duration": 2.0,
        "model": model,
        "segments": segments,
    }


@dataclass
class Seed:
    """A writer of videos, through the catalog's and the artifacts' own methods."""

    catalog: Catalog
    artifacts: Artifacts
    folder: Path

    @classmethod
    def of(cls, settings: Settings, folder: Path) -> "Seed":
        return cls(bootstrap.catalog(settings), bootstrap.artifacts(settings), folder)

    def upload(
        self,
        name: str,
        *,
        at: datetime | None = None,
        bucket: str = "uploads",
        record: bool = True,
    ) -> Upload:
        number = next(_numbers)
        upload = Upload(
            event_id=f"event-{number}",
            time=at or START + timedelta(minutes=number),
            bucket=bucket,
            key=f"videos/{name}",
            sequencer=f"{number:040d}",
            size=1000,
            etag=f"{number:032d}",
        )
        if record:
            self.catalog.record_upload(upload, patience_s=3600)
        return upload

    def probe(self, upload: Upload, probe: Probe = PROBE) -> None:
        self.catalog.record_probe(upload, probe, {})

    def claim(self, upload: Upload, stage: str) -> StageRun:
        return claim_run(self.catalog.runs, upload, stage, event_id="event", lease_s=60)

    def progress(self, upload: Upload, stage: str, percent: float) -> None:
        run = self.claim(upload, stage)
        self.catalog.runs.heartbeat(upload.video_id, run, progress=percent, lease_s=60)

    def fail(self, upload: Upload, stage: str, error: VideodropError) -> None:
        run = self.claim(upload, stage)
        self.catalog.runs.end(upload.video_id, run, "failed", error)

    def skip(self, upload: Upload, *stages: str) -> None:
        for stage in stages:
            self.catalog.runs.end(upload.video_id, self.claim(upload, stage), "skipped")

    def succeed(
        self,
        upload: Upload,
        stage: str,
        files: dict[str, tuple[str, str, bytes]] | None = None,
        *,
        labels: tuple[str, ...] = (),
        summary: dict[str, Any] | None = None,
        warnings: tuple[Notice, ...] = (),
    ) -> StageResult:
        """Complete a stage; ``files`` maps a name to its role, media type and content."""
        run = self.claim(upload, stage)
        work = self.folder / f"{upload.video_id}-{stage}-{run.attempt}"
        artifacts = []
        for name, (role, media_type, content) in (files or {}).items():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            artifacts.append(Artifact(name=name, media_type=media_type, role=role))
        fingerprint = f"{stage}-{run.attempt}"
        prefix = f"artifacts/{upload.video_id}/{upload.revision}/{stage}/{fingerprint}/1/"
        published = self.artifacts.publish(prefix, work, artifacts, {}, lambda _: None)
        result = StageResult(
            stage=stage,
            version="1",
            fingerprint=fingerprint,
            content_id=upload.content_id,
            revision=upload.revision,
            attempt=run.attempt,
            prefix=prefix,
            params={"quality": 23},
            identity={},
            artifacts=published,
            summary=summary or {},
            warnings=list(warnings),
            labels=list(labels),
            cost=Cost(
                seconds=1.5, media_seconds=10, cpu_seconds=1.0, bytes_in=1000, bytes_out=2000
            ),
            queued_at=run.queued_at,
            started_at=run.started_at or datetime.now(UTC),
            finished_at=datetime.now(UTC),
        )
        self.catalog.succeed(upload.video_id, run, result)
        return result

    # -- the four stages -------------------------------------------------------------------------

    def transcode(
        self,
        upload: Upload,
        mp4: bytes = b"mp4",
        *,
        segments: tuple[bytes, bytes] = (b"init", b"segment"),
        extras: dict[str, tuple[str, str, bytes]] | None = None,
        **more: Any,
    ) -> StageResult:
        apple = "application/vnd.apple.mpegurl"
        head, segment = segments
        master = (
            "#EXTM3U\n#EXT-X-VERSION:7\n"
            '#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.42c00d,mp4a.40.2"\n'
            "180p/playlist.m3u8\n"
        )
        media = (
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n"
            f'#EXT-X-MAP:URI="picture-0000-1.mp4",BYTERANGE="{len(head)}@0"\n'
            f"#EXTINF:2.0,\n#EXT-X-BYTERANGE:{len(segment)}@{len(head)}\npicture-0000-1.mp4\n"
            "#EXT-X-ENDLIST\n"
        )
        files = {
            "hls/master.m3u8": ("hls_master", apple, master.encode()),
            "hls/180p/playlist.m3u8": ("hls_playlist", apple, media.encode()),
            "hls/180p/picture-0000-1.mp4": ("hls_segments", "video/mp4", head + segment),
            "video-180p.mp4": ("mp4", "video/mp4", mp4),
        }
        return self.succeed(upload, "transcode", files | (extras or {}), **more)

    def thumbnail(self, upload: Upload, picture: bytes = b"jpeg", **more: Any) -> StageResult:
        vtt = (
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nstoryboard-001.jpg#xywh=0,0,80,45\n\n"
            "00:00:01.000 --> 00:00:02.000\nstoryboard-001.jpg#xywh=80,0,80,45\n"
        )
        files = {
            "poster-320.jpg": ("poster", "image/jpeg", picture),
            "storyboard.vtt": ("storyboard_vtt", "text/vtt", vtt.encode()),
            "storyboard-001.jpg": ("storyboard_sheet", "image/jpeg", picture),
        }
        return self.succeed(upload, "thumbnail", files, **more)

    def transcribe(
        self, upload: Upload, *texts: str, language: str = "en", **more: Any
    ) -> StageResult:
        return self.say(upload, words(*texts) | {"language": language}, **more)

    def say(self, upload: Upload, transcript: dict[str, Any], **more: Any) -> StageResult:
        said = transcript["segments"]
        cues = "\n".join(webvtt.cue(one["start"], one["end"], one["text"]) for one in said)
        lines = "".join(f"{one['text']}\n" for one in said)
        files = {
            "transcript.json": (
                "transcript_json",
                "application/json",
                json.dumps(transcript).encode(),
            ),
            "captions.vtt": ("captions_vtt", "text/vtt", f"WEBVTT\n\n{cues}".encode()),
            "captions.srt": ("captions_srt", "application/x-subrip", b"1\n"),
            "transcript.txt": ("transcript_txt", "text/plain; charset=utf-8", lines.encode()),
        }
        summary = {"language": transcript["language"]}
        return self.succeed(upload, "transcribe", files, summary=summary, **more)

    def detect(
        self, upload: Upload, seen: dict[str, list[tuple[float, float]]], **more: Any
    ) -> StageResult:
        """Make detections of each label during its intervals, in two frames a second."""
        files = {
            "detections.json": (
                "detections_json",
                "application/json",
                detections(self.folder / f"{upload.video_id}.json", seen),
            ),
            "tracks.json": (
                "tracks_json",
                "application/json",
                tracks(self.folder / f"{upload.video_id}.json", seen),
            ),
        }
        summary = {
            "labels": {
                label: {
                    "frames": 4,
                    "tracks": len(intervals),
                    "best_confidence": 0.9,
                    "best_time": intervals[0][0],
                    "intervals": [list(interval) for interval in intervals],
                }
                for label, intervals in seen.items()
            }
        }
        return self.succeed(upload, "detect", files, labels=tuple(seen), summary=summary, **more)


def detections(path: Path, seen: dict[str, list[tuple[float, float]]], until: float = 2) -> bytes:
    with json_array(path, {"model": {}}, "frames") as add:
        for number in range(int(until * 2)):
            time = number / 2
            add(
                {
                    "time": time,
                    "objects": [
                        {
                            "label": label,
                            "confidence": round(0.5 + time / 10, 2),
                            "box": [1, 2, 30, 40],
                            "track": 1,
                        }
                        for label, intervals in seen.items()
                        if any(start <= time <= end for start, end in intervals)
                    ],
                }
            )
    return path.read_bytes()


def tracks(path: Path, seen: dict[str, list[tuple[float, float]]]) -> bytes:
    with json_array(path, {"model": {}}, "tracks") as add:
        number = count(1)
        for label, intervals in seen.items():
            for start, end in intervals:
                best = {"time": start, "confidence": 0.9, "box": [1, 2, 30, 40]}
                add(
                    {
                        "id": next(number),
                        "label": label,
                        "start": start,
                        "end": end,
                        "frames": 3,
                        "best": best,
                    }
                )
    return path.read_bytes()


def make_mp4(path: Path, seconds: int = 2) -> bytes:
    """Make a small H.264 video with sound that browsers play."""
    command = (
        f"ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25:d={seconds} "
        f"-f lavfi -i sine=d={seconds} -pix_fmt yuv420p -preset ultrafast -movflags +faststart "
        f"-y {path}"
    )
    subprocess.run(command.split(), check=True, timeout=60)
    return path.read_bytes()


def make_m4a(path: Path) -> bytes:
    """Make 2 s of sound that browsers play."""
    command = f"ffmpeg -v error -f lavfi -i sine=d=2 -c:a aac -movflags +faststart -y {path}"
    subprocess.run(command.split(), check=True, timeout=60)
    return path.read_bytes()


def make_segments(path: Path, mp4: bytes) -> tuple[bytes, bytes]:
    """Make the same video as an initialization section and one segment."""
    (path / "clip.mp4").write_bytes(mp4)
    command = (
        "ffmpeg -v error -i clip.mp4 -c copy -f hls -hls_segment_type fmp4 -hls_time 10 "
        "-hls_playlist_type vod -y index.m3u8"
    )
    subprocess.run(command.split(), check=True, timeout=60, cwd=path)
    return (path / "init.mp4").read_bytes(), (path / "index0.m4s").read_bytes()


def make_jpeg(path: Path) -> bytes:
    """Make an image of 160 by 90 pixels."""
    command = f"ffmpeg -v error -f lavfi -i testsrc2=s=160x90:d=1 -frames:v 1 -y {path}"
    subprocess.run(command.split(), check=True, timeout=60)
    return path.read_bytes()
