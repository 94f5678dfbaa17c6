"""Notices that several stages share."""

from pipeline.core.media_info import Probe
from pipeline.core.stage import Notice
from pipeline.media import picture
from pipeline.media.process import Complaints
from pipeline.stages.models.weights import Weights


def of_media(probe: Probe, complaints: Complaints, *, shown: bool = True) -> list[Notice]:
    """Return the warnings about the source: ``damaged_media``, ``hdr_tone_mapped``, ….

    Args:
        probe: the source.
        complaints: the error lines of its decoder.
        shown: whether the result shows frames, so that colours matter.
    """
    found = []
    if complaints.count or probe.cut_off:
        cut = "The end of the file is missing. " if probe.cut_off else ""
        text = f"{cut}Decoding had {complaints.count} errors; parts may be missing or distorted."
        found.append(Notice(code="damaged_media", message=text))
    if shown and probe.video and probe.video.hdr:
        name = probe.video.hdr.upper()
        if picture.can_tone_map():
            text = f"The video is HDR ({name}); its colours were mapped to standard range."
            found.append(Notice(code="hdr_tone_mapped", message=text))
        else:
            text = f"The video is HDR ({name}), but this ffmpeg lacks zscale: colours are pale."
            found.append(Notice(code="hdr_not_tone_mapped", message=text))
    return found


def demo(weights: Weights) -> list[Notice]:
    """Return the notice about a demonstration model, ``demo_model``; nothing for a real model."""
    if not weights.demo:
        return []
    text = (
        f"Demonstration model: knows {weights.knows}. "
        "For real results: `videodrop models fetch`, then `videodrop replay --outdated`."
    )
    return [Notice(code="demo_model", message=text, level="info")]
