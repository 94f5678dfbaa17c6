"""Notices that several stages share."""

from collections.abc import Sequence

from pipeline.core.media_info import Probe
from pipeline.core.ranges import Range
from pipeline.core.stage import Notice
from pipeline.media import colour
from pipeline.media.process import Complaints
from pipeline.stages.models.weights import Weights


def of_media(
    probe: Probe, complaints: Complaints, *, where: str = "", shown: bool = True
) -> list[Notice]:
    """Return the warnings about the source: ``damaged_media``, ``hdr_tone_mapped``, ….

    Args:
        probe: the source.
        complaints: the error lines of its decoder.
        where: the part of the file that has them, such as `` from 60 s to 120 s``.
        shown: whether the result shows frames, so that colours matter.
    """
    found = []
    if complaints.count or probe.cut_off:
        cut = "The end of the file is missing. " if probe.cut_off else ""
        text = f"{cut}Decoding had {complaints.count} errors{where}; parts may be missing or"
        found.append(Notice(code="damaged_media", message=f"{text} distorted."))
    if probe.hole:
        text = (
            "A sound track is silent from {:.1f} s to {:.1f} s: parts are missing or were joined."
        )
        found.append(Notice(code="hole_in_sound", message=text.format(*probe.hole)))
    if shown and probe.video and probe.video.hdr:
        name = probe.video.hdr.upper()
        if colour.can_tone_map():
            text = f"The video is HDR ({name}); its colours were mapped to standard range."
            found.append(Notice(code="hdr_tone_mapped", message=text))
        else:
            text = f"The video is HDR ({name}), but this ffmpeg lacks zscale: colours are pale."
            found.append(Notice(code="hdr_not_tone_mapped", message=text))
    if shown and probe.video and probe.video.dolby_vision:
        text = (
            f"The video is Dolby Vision profile {probe.video.dolby_vision}, which only Dolby's "
            "decoders show in its true colours: here they are wrong. Upload an HDR10 or SDR copy."
        )
        found.append(Notice(code="dolby_vision_colours", message=text))
    return found


def where(damaged: Sequence[Range], *, of: int) -> str:
    """Return the times of damaged ranges for a message; nothing if the file is one range.

    Args:
        damaged: in order of time.
        of: number of all ranges.
    """
    if of == 1:
        return ""
    spans: list[tuple[float, float]] = []
    for one in damaged:
        if spans and spans[-1][1] == one.start_s:
            spans[-1] = spans[-1][0], one.end_s
        else:
            spans.append((one.start_s, one.end_s))
    return " (" + ", ".join(f"{start:.0f} to {end:.0f} s" for start, end in spans) + ")"


def demo(weights: Weights) -> list[Notice]:
    """Return the notice about a demonstration model, ``demo_model``; nothing for a real model."""
    if not weights.demo:
        return []
    text = (
        f"Demonstration model: knows {weights.knows}. "
        "For real results: `videodrop models fetch`, then `videodrop replay --outdated`."
    )
    return [Notice(code="demo_model", message=text, level="info")]
