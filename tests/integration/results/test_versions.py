"""Earlier results made current again, after real runs."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.aws.announce import Announcer
from pipeline.core.errors import BadInput
from pipeline.core.records import StageResult, StageRun
from pipeline.core.stage import Artifact, Notice, Result
from pipeline.results import video_view as views
from pipeline.results.retention import Policy
from pipeline.results.versions import Version, Versions
from pipeline.runs.delivery import Outcome
from pipeline.stages.detect.json_array import json_array
from tests.fakes.claims import claim_run
from tests.fakes.query import Client
from tests.fakes.rig import Rig, upload_of
from tests.fakes.seed import words

ANSWERS = [
    "",
    "/transcript",
    "/transcript.vtt",
    "/transcript.txt",
    "/detections",
    "/detections/tracks",
]
PLAYLISTS = ["/hls/master.m3u8", "/hls/v/index.m3u8"]
_SIGNATURE = re.compile(r"X-Amz-\w+=[^&\s\"]*")
both = pytest.mark.parametrize("house", ["moto", "dynalite"], indirect=True)


def everything(source, params, work, report):
    """A stage that makes a small file of each kind that the API serves, from its parameter."""
    del source
    files = {
        "transcript.json": ("transcript_json", json.dumps(words(params.text))),
        "captions.vtt": ("captions_vtt", f"WEBVTT\n\n00:00.000 --> 00:01.000\n{params.text}\n"),
        "transcript.txt": ("transcript_txt", params.text),
        "hls/master.m3u8": ("hls_master", f"#EXTM3U\n## {params.text}\nv/index.m3u8\n"),
        "hls/v/index.m3u8": ("hls_playlist", f"#EXTM3U\n{params.text}.m4s\n"),
    }
    (work / "hls" / "v").mkdir(parents=True)
    for name, (_, text) in files.items():
        (work / name).write_text(text)
    box = {"label": params.text, "confidence": 0.5, "box": [1, 2, 3, 4], "track": 1}
    with json_array(work / "detections.json", {}, "frames") as add:
        add({"time": 0.5, "objects": [box]})
    with json_array(work / "tracks.json", {}, "tracks") as add:
        best = {"time": 0.5, "confidence": 0.5, "box": [1, 2, 3, 4]}
        add({"id": 1, "label": params.text, "start": 0, "end": 1, "frames": 1, "best": best})
    report(1)
    roles = {name: role for name, (role, _) in files.items()}
    roles |= {"detections.json": "detections_json", "tracks.json": "tracks_json"}
    return Result(
        artifacts=[
            Artifact(name=name, role=role, media_type="text/plain") for name, role in roles.items()
        ],
        summary={"of": params.text},
        warnings=[Notice(code="odd", message="Odd.")] if params.text == "two" else [],
        labels=[params.text, "common"],
    )


@pytest.fixture
def house(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """Return the rig, on dynalite if requested, with that stage."""
    if getattr(request, "param", "moto") == "dynalite":
        endpoint = request.getfixturevalue("dynalite_endpoint")
        # After the embedded AWS is known, and before the first client is made.
        request.getfixturevalue("aws_env")
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    rig: Rig = request.getfixturevalue("rig")
    rig.stage.run_ = everything
    monkeypatch.setattr("pipeline.api.caching.time.time", lambda: 1_800_000_000.0)
    return rig


@pytest.fixture
def versions(house: Rig) -> Versions:
    return Versions(house.catalog, house.artifacts)


@pytest.fixture
def body(house: Rig) -> str:
    """Make an upload whose first version says "one"."""
    body = house.put(**{"videodrop-toy-text": "one"})
    assert house.handle(body) is Outcome.SUCCEEDED
    return body


def replayed(house: Rig, body: str, text: str) -> StageResult:
    """Make and return another version."""
    assert house.reprocess(body, f"replay-{text}", text=text) in {
        Outcome.SUCCEEDED,
        Outcome.REUSED,
    }
    return current(house, body)


def current(house: Rig, body: str) -> StageResult:
    result = house.state(body).current_result
    assert result is not None
    return result


def of(versions: Versions, house: Rig, body: str) -> dict[str, Version]:
    """Return the versions of the stage, by the text they were made with."""
    found = versions.of(house.video(body), "toy")
    return {str(one.params["text"]): one for one in found}


def rejected(call: Callable[[], Any]) -> str:
    with pytest.raises(BadInput) as error:
        call()
    return error.value.code


@pytest.fixture
def answers(house: Rig, body: str) -> Callable[..., dict[str, Any]]:
    """Return the API's answers on the video, without signatures: ``answers("/more", "/paths")``."""
    api = Client(
        create_app(settings=house.config, catalog=house.catalog, artifacts=house.artifacts)
    )
    vid = upload_of(body).video_id
    base = f"/videos/{vid}"

    def ask(*more: str) -> dict[str, Any]:
        said = {}
        _, signature = api.get(base).json()["links"]["playlist"].split("?")
        playlists = [f"/playlists/{vid}{path}?{signature}" for path in PLAYLISTS]
        for path in ["/videos", *(base + path for path in (*ANSWERS, *more)), *playlists]:
            answer = api.get(path)
            assert answer.status_code == 200, (path, answer.text)
            said[path] = (_SIGNATURE.sub("", answer.text), answer.headers.get("ETag"))
        return said

    return ask


def files(house: Rig) -> dict[str, bytes]:
    """Return every artifact."""
    return {key: house.artifacts.read(key) for key in house.stored()}


def unstable(run: StageRun) -> dict[str, Any]:
    """Return a run as recorded, without its fencing fields."""
    return run.model_dump(exclude={"attempt"})


# -- there and back ------------------------------------------------------------------------------


@both
def test_rolling_back_a_promotion_restores_every_answer_and_file(house, versions, body, answers):
    one = current(house, body)
    replayed(house, body, "two")
    said, stored = answers("/versions"), files(house)
    versions.promote(upload_of(body).video_id, "toy", one.fingerprint)
    promoted = answers("/versions")
    assert all(promoted[path] != said[path] for path in said)
    versions.rollback(upload_of(body).video_id, "toy")
    assert answers("/versions") == said
    assert files(house) == stored


def test_rolling_back_a_replay_restores_every_answer_there_was_before_it(
    house, versions, body, answers
):
    said, stored = answers(), files(house)
    replayed(house, body, "two")
    assert answers() != said
    versions.rollback(upload_of(body).video_id, "toy")
    assert answers() == said
    assert stored.items() <= files(house).items()


def test_a_promotion_finds_the_video_by_the_labels_of_the_version_it_shows(house, versions, body):
    replayed(house, body, "two")
    vid = upload_of(body).video_id

    def found(label):
        return [place.rpartition("#")[2] for place in house.catalog.timeline.newest(label=label)]

    assert (found("one"), found("two")) == ([], [vid])
    versions.rollback(vid, "toy")
    assert (found("one"), found("two")) == ([vid], [])


def test_promoting_computes_nothing_and_is_announced(house, versions, body):
    one = current(house, body)
    replayed(house, body, "two")
    sent: list[list[dict[str, Any]]] = []
    versions._catalog.announcer = Announcer(sent.append, "bus")
    versions.promote(upload_of(body).video_id, "toy", one.fingerprint)
    assert current(house, body) == one
    assert house.stage.runs == 2
    assert [event["DetailType"] for events in sent for event in events] == ["Stage Succeeded"]


def test_rolling_back_again_and_again_leads_further_back(house, versions, body):
    vid = upload_of(body).video_id
    for text in ("two", "three"):
        replayed(house, body, text)
    went = [versions.rollback(vid, "toy").params["text"] for _ in range(2)]
    assert went == ["two", "one"]
    assert rejected(lambda: versions.rollback(vid, "toy")) == "no_earlier_version"
    assert current(house, body).params["text"] == "one"


def test_rolling_back_never_leads_to_where_one_is(house, versions, body):
    vid, one = upload_of(body).video_id, current(house, body)
    two = replayed(house, body, "two")
    versions.promote(vid, "toy", one.fingerprint)
    house.catalog.results.forget(vid, two)
    assert not any(version.rollback_target for version in of(versions, house, body).values())
    assert rejected(lambda: versions.rollback(vid, "toy")) == "no_earlier_version"


def test_a_promotion_that_is_rolled_back_leaves_the_way_back_as_it_was(house, versions, body):
    vid, one = upload_of(body).video_id, current(house, body)
    replayed(house, body, "two")
    before = house.state(body)
    versions.promote(vid, "toy", one.fingerprint)
    versions.rollback(vid, "toy")
    after = house.state(body)
    assert after.history == before.history == [one.fingerprint]
    assert versions.rollback(vid, "toy").params["text"] == "one"


def test_promoting_the_current_version_writes_nothing(house, versions, body):
    before = house.state(body)
    same = versions.promote(upload_of(body).video_id, "toy", current(house, body).fingerprint)
    assert same.current
    assert house.state(body) == before


def test_promoting_the_current_version_dismisses_a_failed_replay(house, versions, body, answers):
    said = answers()

    def failing(*_):
        raise BadInput("worse", "It got worse.")

    house.stage.run_ = failing
    assert house.reprocess(body, text="two") is Outcome.FAILED
    assert "It got worse." in str(answers())
    versions.promote(upload_of(body).video_id, "toy", current(house, body).fingerprint)
    assert answers() == said


def test_a_replay_after_a_promotion_finds_the_stored_version_current(house, versions, body):
    one = current(house, body)
    replayed(house, body, "two")
    versions.promote(upload_of(body).video_id, "toy", one.fingerprint)
    assert house.reprocess(body, "another") is Outcome.CURRENT


# -- which there are -----------------------------------------------------------------------------


def test_versions_tell_what_made_them_and_which_one_is_shown(house, versions, body):
    house.stage.identity_ = lambda _: {"model": "large"}
    house.stage.VERSION = "2"
    two = replayed(house, body, "two")
    found = of(versions, house, body)
    assert list(found) == ["one", "two"]
    assert [(one.current, one.rollback_target) for one in found.values()] == [
        (False, True),
        (True, False),
    ]
    told = found["two"]
    assert (told.models, told.code_version, told.labels[0]) == ({"model": "large"}, "2", "two")
    assert [notice.code for notice in told.warnings] == ["odd"]
    assert (told.finished_at, told.cost, told.bytes) == (
        two.finished_at,
        two.cost,
        two.cost.bytes_out,
    )
    assert versions.of(house.video(body), "twin") == []
    assert versions.of(house.video(body)) == list(found.values())


def test_versions_of_other_content_are_not_offered(house, versions, body):
    one = current(house, body)
    changed = house.put(b"another video", **{"videodrop-toy-text": "two"})
    house.handle(changed)
    assert list(of(versions, house, changed)) == ["two"]
    vid = upload_of(body).video_id
    assert rejected(lambda: versions.promote(vid, "toy", one.fingerprint)) == "unknown_version"
    assert rejected(lambda: versions.rollback(vid, "toy")) == "no_earlier_version"


def test_the_same_content_uploaded_again_keeps_its_versions(house, versions, body, answers):
    replayed(house, body, "two")
    again = house.put(**{"videodrop-toy-text": "one"})
    assert house.handle(again) is Outcome.REUSED
    assert set(of(versions, house, again)) == {"one", "two"}
    two = of(versions, house, again)["two"].fingerprint
    said = answers()
    versions.promote(upload_of(again).video_id, "toy", two)
    assert answers() != said
    versions.rollback(upload_of(again).video_id, "toy")
    assert answers() == said


def test_a_version_is_named_by_how_its_fingerprint_begins(house, versions, body):
    one, vid = current(house, body), upload_of(body).video_id
    replayed(house, body, "two")
    assert rejected(lambda: versions.promote(vid, "toy", one.fingerprint[:5])) == "unknown_version"
    assert rejected(lambda: versions.promote(vid, "toy", "x" * 32)) == "unknown_version"
    assert versions.promote(vid, "toy", one.fingerprint[:6]).fingerprint == one.fingerprint


def test_a_beginning_that_two_versions_share_is_rejected(house, versions, body):
    one, vid = current(house, body), upload_of(body).video_id
    twin = one.model_copy(update={"fingerprint": one.fingerprint[:10] + "x"})
    house.catalog.results.put(vid, twin)
    beginning = one.fingerprint[:10]
    assert rejected(lambda: versions.promote(vid, "toy", beginning)) == "ambiguous_version"


def test_what_is_not_there_is_rejected(house, versions, body):
    vid, fingerprint = upload_of(body).video_id, current(house, body).fingerprint
    for call in (
        lambda vid, stage: versions.promote(vid, stage, fingerprint),
        versions.rollback,
    ):
        assert rejected(lambda call=call: call("0" * 20, "toy")) == "unknown_video"
        assert rejected(lambda call=call: call(vid, "nosuch")) == "unknown_stage"
    assert rejected(lambda: versions.of(house.video(body), "nosuch")) == "unknown_stage"
    assert rejected(lambda: versions.diff(house.video(body), "nosuch")) == "unknown_stage"
    house.catalog.removal.mark(house.video(body), lease_s=60)
    assert rejected(lambda: versions.promote(vid, "toy", fingerprint)) == "video_deleted"
    assert rejected(lambda: versions.rollback(vid, "toy")) == "video_deleted"


# -- at the same time as others ------------------------------------------------------------------


def test_a_stage_that_is_being_worked_on_is_left_alone(house, versions, body):
    vid, one = upload_of(body).video_id, current(house, body)
    replayed(house, body, "two")
    claim_run(house.catalog.runs, upload_of(body), "toy", event_id="e", lease_s=60)
    before = house.state(body)
    assert rejected(lambda: versions.promote(vid, "toy", one.fingerprint)) == "stage_busy"
    assert rejected(lambda: versions.rollback(vid, "toy")) == "stage_busy"
    assert house.state(body) == before


def test_a_worker_that_claims_between_look_and_promotion_wins(
    house, versions, body, monkeypatch: pytest.MonkeyPatch
):
    vid, one = upload_of(body).video_id, current(house, body)
    replayed(house, body, "two")
    seen = house.video(body)
    claim_run(house.catalog.runs, upload_of(body), "toy", event_id="e", lease_s=60)
    before = house.state(body)
    monkeypatch.setattr(versions._catalog, "video", lambda _: seen)
    assert rejected(lambda: versions.promote(vid, "toy", one.fingerprint)) == "stage_busy"
    assert house.state(body) == before


@both
def test_of_two_promotions_at_once_one_wins(house, versions, body, monkeypatch: pytest.MonkeyPatch):
    vid, one = upload_of(body).video_id, current(house, body)
    two = replayed(house, body, "two")
    replayed(house, body, "three")
    seen = house.video(body)
    versions.promote(vid, "toy", one.fingerprint)
    monkeypatch.setattr(versions._catalog, "video", lambda _: seen)
    assert rejected(lambda: versions.promote(vid, "toy", two.fingerprint)) == "stage_busy"
    assert current(house, body) == one


def test_who_loses_the_race_to_be_current_takes_no_label_along(house, versions, body, monkeypatch):
    vid, one = upload_of(body).video_id, current(house, body)
    two = replayed(house, body, "two")
    catalog = versions._catalog
    promote = catalog.runs.promote

    def raced(*args, **given):
        (place,) = catalog.timeline.newest()
        catalog._labels.put(vid, two, order=place, attempt=house.state(body).attempt + 1)
        return promote(*args, **given)

    monkeypatch.setattr(catalog.runs, "promote", raced)
    versions.promote(vid, "toy", one.fingerprint)
    found = [[*catalog.timeline.newest(label=label)] != [] for label in ("one", "two", "common")]
    assert found == [True, False, True]


def pruned_meanwhile(house: Rig, versions: Versions, body: str, result: StageResult) -> None:
    """Let retention remove a version's row just when it becomes current."""
    promote = versions._catalog.promote

    def racing(*args, **given):
        vid, stage, fingerprint = upload_of(body).video_id, result.stage, result.fingerprint
        stored = house.catalog.results.get(vid, stage, fingerprint)
        assert stored
        assert house.catalog.results.forget(vid, stored)
        promote(*args, **given)

    versions._catalog.promote = racing  # type: ignore[method-assign]


@both
def test_a_version_that_is_pruned_while_it_becomes_current_does_not_stay_so(house, versions, body):
    vid, one = upload_of(body).video_id, current(house, body)
    replayed(house, body, "two")
    before = house.state(body)
    pruned_meanwhile(house, versions, body, one)
    assert rejected(lambda: versions.promote(vid, "toy", one.fingerprint)) == "version_gone"
    assert unstable(house.state(body)) == unstable(before)
    assert [*house.catalog.timeline.newest(label="two")]
    assert not [*house.catalog.timeline.newest(label="one")]


@both
def test_a_failed_run_is_failed_again_when_the_version_chosen_instead_was_pruned(
    house, versions, body
):
    vid, one = upload_of(body).video_id, current(house, body)

    def failing(*_):
        raise BadInput("worse", "It got worse.")

    house.stage.run_ = failing
    house.reprocess(body, text="two")
    before, failures = house.state(body), [*house.catalog.runs.failed("bad_input")]
    assert failures
    pruned_meanwhile(house, versions, body, one)
    assert rejected(lambda: versions.promote(vid, "toy", one.fingerprint)) == "version_gone"
    assert unstable(house.state(body)) == unstable(before)
    assert [*house.catalog.runs.failed("bad_input")] == failures


def test_who_claims_a_run_before_its_promotion_is_undone_keeps_it(house, versions, body):
    vid, one = upload_of(body).video_id, current(house, body)
    replayed(house, body, "two")
    pruned_meanwhile(house, versions, body, one)
    racing = versions._catalog.promote

    def claimed_at_once(*args, **given):
        racing(*args, **given)
        claim_run(house.catalog.runs, upload_of(body), "toy", event_id="e", lease_s=60)

    versions._catalog.promote = claimed_at_once
    assert rejected(lambda: versions.promote(vid, "toy", one.fingerprint)) == "version_gone"
    assert house.state(body).state == "running"


def test_a_version_without_files_is_rejected_and_passed_over(house, versions, body):
    vid, one = upload_of(body).video_id, current(house, body)
    two = replayed(house, body, "two")
    replayed(house, body, "three")
    before = house.state(body)
    bucket = house.config.names.artifacts_bucket
    aws.client("s3").delete_object(Bucket=bucket, Key=two.prefix + "manifest.json")
    assert rejected(lambda: versions.promote(vid, "toy", two.fingerprint)) == "version_gone"
    assert house.state(body) == before
    assert rejected(lambda: versions.diff(house.video(body), "toy")) == "version_gone"
    assert versions.rollback(vid, "toy").fingerprint == one.fingerprint


def test_retention_keeps_the_way_back_of_who_went_there_and_back(house, versions, body):
    vid, one = upload_of(body).video_id, current(house, body)
    two = replayed(house, body, "two")
    replayed(house, body, "three")
    for result in (one, two):
        versions.promote(vid, "toy", result.fingerprint)
    later = datetime.now(UTC) + timedelta(days=1)
    bootstrap.retention(house.config).prune(Policy(keep=1, before=later))
    assert set(of(versions, house, body)) == {"one", "two"}
    assert versions.rollback(vid, "toy").fingerprint == one.fingerprint


# -- what differs --------------------------------------------------------------------------------


def test_a_difference_is_by_default_what_the_last_change_changed(house, versions, body):
    one = current(house, body)
    two = replayed(house, body, "two")
    found = versions.diff(house.video(body), "toy")
    assert (found.before, found.after) == (one.fingerprint, two.fingerprint)
    assert found.params["text"].model_dump() == {"before": "one", "after": "two"}
    assert found.transcript is not None
    assert found.transcript.wer == 1
    assert found.labels is not None
    assert (found.labels.gained, found.labels.lost) == (["two"], ["one"])


def test_one_version_that_is_named_is_held_against_the_current_one(house, versions, body):
    one = current(house, body)
    two, three = (replayed(house, body, text) for text in ("two", "three"))

    def compared(**given):
        found = versions.diff(house.video(body), "toy", **given)
        return found.before, found.after

    assert compared(before=one.fingerprint[:8]) == (one.fingerprint, three.fingerprint)
    assert compared(after=one.fingerprint[:8]) == (three.fingerprint, one.fingerprint)
    assert compared(after=three.fingerprint) == (two.fingerprint, three.fingerprint)
    assert compared(before=one.fingerprint, after=one.fingerprint) == (one.fingerprint,) * 2


def test_without_a_second_version_there_is_no_difference(house, versions, body):
    assert rejected(lambda: versions.diff(house.video(body), "toy")) == "no_earlier_version"
    assert rejected(lambda: versions.diff(house.video(body), "twin")) == "unknown_version"


def test_an_upload_that_is_newer_than_its_results_took_no_time(house, versions, body):
    replayed(house, body, "two")
    again = house.put(**{"videodrop-toy-text": "one"})
    house.handle(again)
    two = of(versions, house, again)["two"]
    versions.promote(upload_of(again).video_id, "toy", two.fingerprint)
    video = house.video(again)
    later = video.upload.model_copy(update={"time": two.finished_at + timedelta(days=1)})
    only = {"toy": video.stages["toy"]}
    moved = video.model_copy(update={"upload": later, "stages": only})
    assert views.total_cost(moved).elapsed_s == 0
