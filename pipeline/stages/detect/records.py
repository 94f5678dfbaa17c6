"""The records of a video's detections and tracks, written frame by frame."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import JsonValue

from pipeline.stages.detect.engine import Detection
from pipeline.stages.detect.interim import Shown
from pipeline.stages.detect.json_array import json_array
from pipeline.stages.detect.sightings import Sightings
from pipeline.stages.detect.tracker import Track, Tracker

DETECTIONS = "detections.json"
TRACKS = "tracks.json"

_LONGEST_GAP_S = 1.5
_LONGEST_GAP_FRAMES = 2.5  # at low rates one missed frame must not end a track
_INTERVALS = 1000  # in total, to keep the summary small


class Totals(NamedTuple):
    """The sums over a video.

    Attributes:
        frames: frames sampled.
        looked_at: frames that the model was given.
        labels: see ``Sightings.summary``.
    """

    frames: int
    looked_at: int
    labels: dict[str, JsonValue]


def write(work: Path, head: Mapping[str, Any], frames: Iterable[Shown], *, fps: float) -> Totals:
    """Write ``detections.json`` and ``tracks.json`` and return the sums.

    Args:
        work: the folder of both files.
        head: what both say of the whole video.
        frames: all frames, in order.
        fps: frames sampled per second.
    """
    gap_s = max(_LONGEST_GAP_S, _LONGEST_GAP_FRAMES / fps)
    tracker, seen = Tracker(gap_s), Sightings(gap_s)
    count = looked_at = 0
    with (
        json_array(work / DETECTIONS, head, "frames") as add_frame,
        json_array(work / TRACKS, head, "tracks") as add_track,
    ):

        def close(tracks: list[Track]) -> None:
            for track in tracks:
                seen.ended(track)
                add_track(_track(track))

        for time_s, found, looked in frames:
            count += 1
            looked_at += looked
            ids, ended = tracker.update(time_s, found)
            close(ended)
            seen.frame(time_s, found)
            objects = [_object(one, id_) for one, id_ in zip(found, ids, strict=True)]
            add_frame({"time": round(time_s, 3), "objects": objects})
        close(tracker.finish())
    return Totals(count, looked_at, seen.summary(_INTERVALS))


def _object(found: Detection, track: int) -> dict[str, JsonValue]:
    return {
        "label": found.label,
        "confidence": found.confidence,
        "box": list(found.box),
        "track": track,
    }


def _track(track: Track) -> dict[str, JsonValue]:
    return {
        "id": track.id,
        "label": track.label,
        "start": round(track.start, 3),
        "end": round(track.end, 3),
        "frames": track.frames,
        "best": {
            "time": round(track.best_time, 3),
            "confidence": track.best.confidence,
            "box": list(track.best.box),
        },
    }
