"""The janitor: what fails in one of its tasks does not keep it from the others."""

from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.aws.announce import Announcer
from pipeline.aws.catalog import Catalog
from pipeline.core.errors import BadInput, DependencyFailed
from pipeline.core.settings import Settings
from pipeline.runs.janitor import Janitor
from tests.fakes import aws_events
from tests.fakes.claims import claim_run
from tests.fakes.memory import Faults, MemoryTable
from tests.fakes.rig import upload_of

SETTINGS = Settings()
STAGE = next(iter(SETTINGS.topology.stages))
BODY = aws_events.created()
UPLOAD = upload_of(BODY)


@pytest.fixture
def catalog() -> Catalog:
    found = Catalog(MemoryTable(SETTINGS.topology, Faults()), SETTINGS.topology.stages)
    found.record_upload(UPLOAD, patience_s=3600)
    return found


def test_replays_are_woken_although_files_of_deleted_videos_stay(catalog: Catalog):
    def purge_due() -> None:
        raise DependencyFailed("not_deleted", "S3 kept some files.")

    woken: list[bool] = []
    deletions: Any = SimpleNamespace(purge_due=purge_due)
    wake = lambda: woken.append(True)  # noqa: E731
    assert Janitor(catalog, wake, list, grace_s=0, deletions=deletions).tidy() == 0
    assert woken == [True]


def test_a_dead_letter_that_is_not_an_event_does_not_hide_the_next(catalog: Catalog):
    dead = [(STAGE, "{}"), (STAGE, BODY)]
    assert Janitor(catalog, int, lambda: dead, grace_s=0).tidy() == 1


def test_the_end_of_a_lost_shadow_is_not_told(catalog: Catalog):
    claim_run(catalog.shadows, UPLOAD, STAGE, event_id="e", lease_s=-1)
    told: list[Any] = []
    catalog.announcer = Announcer(told.extend, "bus")
    assert Janitor(catalog, int, list, grace_s=0).tidy() == 1
    assert told == []


def test_the_deletion_of_another_installations_object_removes_nothing(catalog: Catalog):
    def check(_: Any) -> None:
        raise BadInput("foreign_object", "It is not ours.")

    body = aws_events.deleted(key=UPLOAD.key, sequencer="FF")
    with pytest.raises(BadInput, match="not ours"):
        Janitor(catalog, int, list, grace_s=0, check=check).handle(body)
    assert not catalog.removal.is_deleted(UPLOAD.video_id)
