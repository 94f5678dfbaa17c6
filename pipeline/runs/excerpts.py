"""The excerpts of a source: what each range of a spread run needs to know of it."""

from collections.abc import Mapping

from pipeline.aws.run_files import EXCERPTS, RunFiles
from pipeline.core.location import Address, Location
from pipeline.media import excerpt
from pipeline.runs.plan_file import PlanFile


def added(plan: PlanFile, location: Location) -> PlanFile:
    """Return a plan with an excerpt for each range, if the source has an index to shorten."""
    if not isinstance(location, Address):  # small, or S3 sends no parts of it
        return plan
    ranges = plan.plan.ranges
    found = excerpt.of(location, plan.probe, [(one.start_s, one.end_s) for one in ranges])
    places: dict[str, tuple[int, int]] = {}
    content = bytearray()
    for range_, one in zip(ranges, found, strict=False):
        start = len(content)
        content += one.packed()
        places[range_.name] = start, len(content)
    return plan.model_copy(
        update={"in_parts": True, "excerpts": places, "excerpt_content": bytes(content)}
    )


def read(files: RunFiles, places: Mapping[str, tuple[int, int]], range_name: str) -> bytes:
    """Return the excerpt for a range; nothing if it has none."""
    place = places.get(range_name)
    return files.read(EXCERPTS, place) if place else b""
