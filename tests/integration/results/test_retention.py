"""Retention of results and files; nothing that is needed is removed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws.artifact_inventory import Attempt, Attempts
from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.results import Results
from pipeline.aws.catalog.table import partition
from pipeline.core import events
from pipeline.core.errors import DependencyFailed
from pipeline.core.events import Deletion
from pipeline.core.records import StageResult
from pipeline.results.retention import Policy, Pruned
from tests.fakes import aws_events
from tests.fakes.claims import claim_run
from tests.fakes.rig import Rig, upload_of

DAY = timedelta(days=1)


def policy(keep: int = 3, *, older_than: timedelta = -DAY) -> Policy:
    """Make a policy; by default everything counts as old."""
    return Policy(keep=keep, before=datetime.now(UTC) - older_than)


def prune(rig: Rig, how: Policy, **more: Any) -> Pruned:
    """Return what was removed of the toy stage."""
    removed = bootstrap.retention(rig.config).prune(how, **more)
    assert set(removed) <= {"toy"}
    return removed.get("toy", Pruned())


def versions(rig: Rig, *numbers: str) -> str:
    """Make a video whose versions of these numbers were current one after the other."""
    rig.stage.VERSION, *later = numbers
    body = rig.put()
    rig.handle(body)
    for number in later:
        rig.stage.VERSION = number
        rig.reprocess(body, event_id=number)
    return body


def stored(rig: Rig, body: str) -> list[str]:
    """Return the versions with rows, oldest first."""
    return [one.version for one in rig.catalog.results.all(upload_of(body).video_id)]


def with_files(rig: Rig, body: str) -> list[str]:
    """Return the versions with files: a row without files is useless."""
    results = rig.catalog.results.all(upload_of(body).video_id)
    files = rig.stored()
    return [
        one.version
        for one in results
        if {one.prefix + name for name in ("manifest.json", "toy.txt")} <= set(files)
    ]


def put_file(rig: Rig, key: str) -> None:
    bucket = rig.config.names.artifacts_bucket
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"12345")


# -- what is kept --------------------------------------------------------------------------------


@pytest.mark.usefixtures("each_s3")
def test_the_current_result_and_the_latest_others_are_kept(rig: Rig):
    body = versions(rig, "1", "2", "3", "4", "5")
    removed = prune(rig, policy(keep=2))
    assert (removed.results, removed.leftovers, removed.files) == (2, 0, 4)
    assert stored(rig, body) == with_files(rig, body) == ["3", "4", "5"]
    assert len(rig.stored()) == 6
    assert rig.text(rig.state(body).current_result) == "hello"
    assert prune(rig, policy(keep=0)).results == 2
    assert stored(rig, body) == ["5"]


def test_what_is_young_is_kept_however_much_there_is(rig: Rig):
    body = versions(rig, "1", "2", "3")
    vid = upload_of(body).video_id
    one, two, _ = rig.catalog.results.all(vid)
    for result in (one, two):
        young = result.model_copy(update={"finished_at": datetime.now(UTC) + 2 * DAY})
        rig.catalog.results.put(vid, young if result is two else result)
    assert prune(rig, policy(keep=0)).results == 1
    assert set(with_files(rig, body)) == {"2", "3"}
    assert prune(rig, policy(keep=0, older_than=DAY)) == Pruned()


def test_the_ways_back_are_kept_before_later_results_that_never_were_current(rig: Rig):
    body = versions(rig, "1", "2", "3")
    vid = upload_of(body).video_id
    latest = rig.catalog.results.all(vid)[-1]
    for number in ("tried", "tried too"):
        rival = latest.model_copy(
            update={
                "version": number,
                "fingerprint": f"{number[-1]}" * 64,
                "prefix": latest.prefix.replace(latest.fingerprint, number[-1] * 64),
                "finished_at": datetime.now(UTC),
            }
        )
        rig.catalog.results.put(vid, rival)
        for name in ("manifest.json", "toy.txt"):
            put_file(rig, rival.prefix + name)
    for keep, left in ((3, ["1", "2", "3", "tried too"]), (2, ["1", "2", "3"]), (1, ["2", "3"])):
        assert prune(rig, policy(keep=keep)).results == 1
        assert with_files(rig, body) == left


def test_results_of_earlier_uploads_count_like_all_others(rig: Rig):
    old = versions(rig, "1", "2")
    new = rig.put(b"another video")
    rig.handle(new)
    assert prune(rig, policy(keep=1)).results == 1
    assert len(with_files(rig, old)) == 2
    assert prune(rig, policy(keep=0)).results == 1
    assert [one.revision for one in rig.catalog.results.all(upload_of(new).video_id)] == [
        upload_of(new).revision
    ]


def test_the_result_that_an_upload_in_progress_has_yet_to_replace_is_kept(rig: Rig):
    old = versions(rig, "1")
    rig.catalog.record_upload(upload_of(rig.put(b"another video")), patience_s=60)
    assert prune(rig, policy(keep=0)) == Pruned()
    assert with_files(rig, old) == ["1"]


def test_the_latest_shadow_result_is_kept(rig: Rig):
    body = versions(rig, "1", "2")
    upload = upload_of(body)
    first = rig.catalog.results.all(upload.video_id)[0]
    run = claim_run(rig.catalog.shadows, upload, "toy", event_id="e", lease_s=60)
    rig.catalog.shadows.succeed(upload.video_id, run, first)
    assert prune(rig, policy(keep=0)) == Pruned()


@pytest.mark.parametrize("runs", ["runs", "shadows"])
def test_a_stage_that_is_being_worked_on_is_left_alone(rig: Rig, runs: str):
    body = versions(rig, "1", "2")
    claim_run(getattr(rig.catalog, runs), upload_of(body), "toy", event_id="e", lease_s=-60)
    assert prune(rig, policy(keep=0), dry_run=True) == prune(rig, policy(keep=0)) == Pruned()
    assert with_files(rig, body) == ["1", "2"]


def test_the_row_of_the_current_result_stays_whichever_attempt_it_names(rig: Rig):
    body = versions(rig, "1")
    vid = upload_of(body).video_id
    (result,) = rig.catalog.results.all(vid)
    earlier = result.prefix.rsplit("/", 2)[0] + "/0/"
    put_file(rig, earlier + "manifest.json")
    rig.catalog.results.put(vid, result.model_copy(update={"prefix": earlier}))
    assert prune(rig, policy(keep=0)) == Pruned()
    assert stored(rig, body) == ["1"]


def test_a_video_whose_files_are_all_young_costs_no_look_at_the_catalog(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    versions(rig, "1", "2")
    monkeypatch.setattr(Catalog, "video", None)
    assert prune(rig, policy(keep=0, older_than=DAY)) == Pruned()


# -- what nobody refers to -----------------------------------------------------------------------


def leftovers(rig: Rig, body: str) -> list[str]:
    """Make files of an attempt that was taken over, and of one that was interrupted."""
    prefix = rig.state(body).result.prefix
    taken_over = prefix.rsplit("/", 2)[0] + "/9/"
    cut_off = prefix.replace(rig.state(body).result.fingerprint, "f" * 64)
    keys = [f"{taken_over}manifest.json", f"{taken_over}toy.txt", f"{cut_off}toy.txt"]
    for key in keys:
        put_file(rig, key)
    return keys


def test_old_files_that_nobody_refers_to_go(rig: Rig):
    body = versions(rig, "1")
    before = rig.stored()
    leftovers(rig, body)
    assert prune(rig, policy(older_than=DAY)) == Pruned()
    assert prune(rig, policy()) == Pruned(leftovers=2, files=3, bytes=15)
    assert rig.stored() == before


def test_of_an_attempt_the_youngest_file_tells_the_age():
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 3, 2)]
    keys = [f"artifacts/v/r/toy/f/1/{n}" for n in range(3)]
    contents = [
        {"Key": key, "LastModified": at, "Size": 5} for key, at in zip(keys, times, strict=True)
    ]

    class Pages:
        def get_paginator(self, _: str) -> Any:
            return self

        def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
            yield {"Contents": contents[:2]}
            yield {}
            yield {"Contents": contents[2:]}

    assert Attempts(Pages(), "b").of("v") == [
        Attempt("artifacts/v/r/toy/f/1/", "toy", "f", max(times), 15, keys)
    ]


def test_files_of_other_names_and_of_videos_nobody_knows_stay(rig: Rig):
    vid = upload_of(versions(rig, "1")).video_id
    before = rig.stored()
    odd = [f"artifacts/{vid}/notes.txt", f"artifacts/{vid}/r/toy/f/1", "other/a/b/c/d/e/f"]
    for key in [*odd, f"artifacts/{'0' * 20}/r/toy/f/1/manifest.json"]:
        put_file(rig, key)
    assert prune(rig, policy(keep=0)) == Pruned()
    assert len(rig.stored()) == len(before) + 4


# -- deleted videos ------------------------------------------------------------------------------


def delete(rig: Rig, body: str) -> None:
    """Record a deletion whose files and index stayed, as a late worker may leave them."""
    upload = upload_of(body)
    gone = events.parse(aws_events.deleted(bucket=upload.bucket, sequencer="FF"))
    assert isinstance(gone, Deletion)
    rig.catalog.removal.record(gone)


@pytest.mark.usefixtures("each_s3")
def test_of_a_video_that_was_deleted_long_ago_nothing_is_left(rig: Rig):
    body = versions(rig, "1", "2")
    leftovers(rig, body)
    delete(rig, body)
    removed = prune(rig, policy(keep=3))
    assert (removed.results, removed.leftovers) == (2, 2)
    assert rig.stored() == stored(rig, body) == []
    assert rig.video(body).status == "deleted"
    of_video = partition("pk", upload_of(body).video_id)
    found = rig.table.query(KeyConditionExpression=of_video, ConsistentRead=True)
    assert not [row["sk"] for row in found if row["sk"].startswith("label#")]


def test_a_video_that_was_deleted_lately_is_kept_like_any_other(rig: Rig):
    body = versions(rig, "1", "2")
    delete(rig, body)
    rig.table.update(
        upload_of(body).video_id,
        "video",
        set={"deleted_at": (datetime.now(UTC) + 2 * DAY).isoformat()},
        condition="attribute_exists(#pk)",
    )
    assert prune(rig, policy(keep=1)) == Pruned()
    assert prune(rig, policy(keep=0)).results == 1
    assert with_files(rig, body) == ["2"]


# -- races ---------------------------------------------------------------------------------------


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Call a function right after a result's row was removed."""
    forget = Results.forget

    def forget_and_act(self: Results, video_id: str, result: StageResult) -> bool:
        gone = forget(self, video_id, result)
        act()
        return gone

    monkeypatch.setattr(Results, "forget", forget_and_act)


def test_a_result_that_becomes_current_while_it_is_removed_stays(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    body = versions(rig, "1", "2")
    vid = upload_of(body).video_id
    first = rig.catalog.results.all(vid)[0]
    meanwhile(monkeypatch, lambda: rig.catalog.promote(vid, rig.state(body), first))
    assert prune(rig, policy(keep=0)) == Pruned()
    assert with_files(rig, body) == ["1", "2"]
    assert rig.text(rig.state(body).current_result) == "hello"


def test_a_result_that_a_worker_may_be_taking_up_while_it_is_removed_stays(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    body = versions(rig, "1", "2")

    def claim() -> None:
        claim_run(rig.catalog.runs, upload_of(body), "toy", event_id="e", lease_s=60)

    meanwhile(monkeypatch, claim)
    assert prune(rig, policy(keep=0)) == Pruned()
    assert with_files(rig, body) == ["1", "2"]


def test_a_result_that_a_promotion_has_taken_since_it_was_read_stays(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    body = versions(rig, "1", "2")
    vid = upload_of(body).video_id
    read = Results.all

    def read_and_take(self: Results, *which: Any) -> list[StageResult]:
        found = read(self, *which)
        assert rig.catalog.results.take(vid, found[0], "3")
        return found

    monkeypatch.setattr(Results, "all", read_and_take)
    assert prune(rig, policy(keep=0)) == Pruned()
    assert with_files(rig, body) == ["1", "2"]


def test_a_result_that_was_stored_again_while_it_is_removed_is_not_replaced(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    body = versions(rig, "1", "2")
    vid = upload_of(body).video_id
    first = rig.catalog.results.all(vid)[0]
    later = first.model_copy(update={"prefix": first.prefix.replace("/1/", "/9/")})

    def store_and_claim() -> None:
        rig.catalog.results.put(vid, later)
        claim_run(rig.catalog.runs, upload_of(body), "toy", event_id="e", lease_s=60)

    meanwhile(monkeypatch, store_and_claim)
    assert prune(rig, policy(keep=0)) == Pruned()
    assert rig.catalog.results.get(vid, "toy", first.fingerprint) == later


def test_a_video_that_is_uploaded_again_while_it_is_removed_keeps_its_result(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    body = versions(rig, "1")
    delete(rig, body)
    again = aws_events.created(
        bucket=upload_of(body).bucket, sequencer="FFFF", event_id="again", size=7
    )
    upload = upload_of(again)
    meanwhile(monkeypatch, lambda: rig.catalog.record_upload(upload, patience_s=60))
    assert prune(rig, policy(keep=0)) == Pruned()
    assert with_files(rig, body) == ["1"]


def test_results_that_are_made_while_a_video_is_examined_stay(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    """Files are listed first: what is listed later would have no row among those read before."""
    body = versions(rig, "1")
    read = Results.all

    def read_and_run(self: Results, *which: Any) -> list[StageResult]:
        found = read(self, *which)
        monkeypatch.setattr(Results, "all", read)
        for number in "23":
            rig.stage.VERSION = number
            rig.reprocess(body, event_id=number)
        return found

    monkeypatch.setattr(Results, "all", read_and_run)
    assert prune(rig, policy(keep=0)) == Pruned()
    assert with_files(rig, body) == ["1", "2", "3"]


def test_a_leftover_that_turns_out_to_be_current_stays(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    body = versions(rig, "1", "2")
    vid = upload_of(body).video_id
    first = rig.catalog.results.all(vid)[0]
    rig.catalog.results.forget(vid, first)
    results = Results.all

    def results_and_promote(self: Results, *which: Any) -> list[StageResult]:
        found = results(self, *which)
        rig.catalog.promote(vid, rig.state(body), first)
        return found

    monkeypatch.setattr(Results, "all", results_and_promote)
    assert prune(rig, policy(keep=3)) == Pruned()
    assert rig.text(rig.state(body).current_result) == "hello"


# -- how it is removed ---------------------------------------------------------------------------


def test_a_dry_run_changes_nothing_and_says_what_a_real_one_then_does(rig: Rig):
    body = versions(rig, "1", "2", "3")
    leftovers(rig, body)
    before = rig.stored(), stored(rig, body)
    planned = prune(rig, policy(keep=1), dry_run=True)
    assert (rig.stored(), stored(rig, body)) == before
    assert (planned.results, planned.leftovers, planned.files) == (1, 2, 5)
    assert prune(rig, policy(keep=1)) == planned
    assert prune(rig, policy(keep=1)) == Pruned()


def test_what_was_cut_off_is_finished_by_the_next_run(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    body = versions(rig, "1", "2")
    prefix = rig.catalog.results.all(upload_of(body).video_id)[0].prefix
    s3 = aws.client("s3")
    delete_objects = s3.delete_objects

    def cut_off(**request: Any) -> Any:
        delete_objects(**request)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(s3, "delete_objects", cut_off)
        with pytest.raises(KeyboardInterrupt):
            prune(rig, policy(keep=0))
    left = [key for key in rig.stored() if key.startswith(prefix)]
    assert left == [prefix + "toy.txt"], "the manifest goes first"
    assert stored(rig, body) == ["2"]
    assert prune(rig, policy(keep=0)) == Pruned(leftovers=1, files=1, bytes=5)


class Deletions:
    def __init__(self) -> None:
        self.asked: list[int] = []
        self.errors: list[dict[str, str]] = []

    def delete_objects(self, *, Delete: Any, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.asked.append(len(Delete["Objects"]))
        return {"Errors": self.errors}


@pytest.fixture
def many() -> Attempt:
    keys = [f"p/{n}.ts" for n in range(2500)]
    return Attempt("p/", "toy", "f", datetime.now(UTC), keys=[*keys, "p/manifest.json"])


def test_many_files_go_in_as_few_requests_as_s3_allows(many: Attempt):
    s3 = Deletions()
    Attempts(s3, "b").remove(many)
    assert s3.asked == [1, 1000, 1000, 500]


def test_files_that_s3_keeps_are_told_of(many: Attempt):
    s3 = Deletions()
    s3.errors = [{"Key": "p/1.ts", "Code": "AccessDenied", "Message": "Access Denied"}]
    with pytest.raises(DependencyFailed, match=r"p/1\.ts among them: Access Denied"):
        Attempts(s3, "b").remove(many)


def test_progress_is_told_video_by_video(rig: Rig):
    for name in "ab":
        rig.handle(rig.put(key=f"videos/{name}.mp4"))
    told: list[int] = []
    prune(rig, policy(), report=told.append)
    assert told == [1, 2]


def test_videos_are_found_a_page_at_a_time():
    asked: list[str] = []

    class Pages:
        def get_paginator(self, _: str) -> Any:
            return self

        def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
            for page in "ab":
                asked.append(page)
                yield {"CommonPrefixes": [{"Prefix": f"artifacts/{page}{n}/"} for n in range(2)]}
            yield {}

    found = Attempts(Pages(), "b").video_ids()
    assert (next(found), asked) == ("a0", ["a"])
    assert list(found) == ["a1", "b0", "b1"]
