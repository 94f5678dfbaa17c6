"""Captions beside videos, in two implementations of DynamoDB."""

from itertools import permutations

import pytest

from pipeline.aws.catalog import Catalog
from pipeline.core.events import Deletion, Upload, parse
from tests.fakes import aws_events
from tests.fakes.rig import upload_of

SRT = "videos/clip.de.srt"


def created(key: str = SRT, number: int = 1, **fields: str) -> Upload:
    return upload_of(aws_events.created(key, sequencer=f"{number:018X}", **fields))


def deleted(key: str = SRT, number: int = 9, **fields: str) -> Deletion:
    event = parse(aws_events.deleted(key, sequencer=f"{number:018X}", **fields))
    assert isinstance(event, Deletion)
    return event


VIDEO = created("videos/clip.mp4")


def found(catalog: Catalog, video: Upload = VIDEO) -> list[tuple[str, str | None, str]]:
    return [(one.name, one.language, one.etag) for one in catalog.sidecars.of(video)]


def test_captions_are_found_by_the_video_of_their_name(catalog: Catalog):
    for key in (SRT, "videos/clip.srt", "videos/clip.mp4.fr.vtt", "videos/other.srt"):
        catalog.sidecars.attach(created(key, etag="e"))
    assert found(catalog) == [
        ("clip.de.srt", "de", "e"),
        ("clip.mp4.fr.vtt", "fr", "e"),
        ("clip.srt", None, "e"),
    ]
    assert found(catalog, created("videos/clip.de.mp4")) == [("clip.de.srt", None, "e")]
    assert found(catalog, created("clip.mp4")) == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_events_in_any_order_and_number_have_one_result(catalog: Catalog, order: tuple[int, ...]):
    events = (created(number=1, etag="old"), deleted(number=2), created(number=3, etag="new"))
    for index in (*order, *order):
        event = events[index]
        if isinstance(event, Deletion):
            catalog.sidecars.detach(event)
        else:
            catalog.sidecars.attach(event)
    assert found(catalog) == [("clip.de.srt", "de", "new")]
    catalog.sidecars.detach(deleted(number=4))
    catalog.sidecars.attach(events[2])
    assert found(catalog) == []
    assert found(catalog, created("videos/clip.de.mp4")) == []


def test_only_the_deletion_of_the_current_version_removes_captions(catalog: Catalog):
    catalog.sidecars.attach(created(number=1, version_id="one"))
    catalog.sidecars.attach(created(number=2, version_id="two"))
    catalog.sidecars.detach(deleted(number=3, version_id="one"))
    assert len(found(catalog)) == 1
    catalog.sidecars.detach(deleted(number=4, version_id="two"))
    assert found(catalog) == []
