"""The state that an earlier version of this project stored.

``tests/data/state-d42d9ee.tar.xz`` is the state of a stack of commit d42d9ee, which ran before the
code moved into layers: one video that went through all stages, one file that is not a video, and a
replay that made a second version of the objects.
"""

import json
import tarfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import pytest

from pipeline import bootstrap
from pipeline.api.app import create_app
from pipeline.aws import provision
from pipeline.core.settings import Settings
from tests.fakes.query import Client
from tests.integration.hosts.conftest import Server, pointed_to

STATE = Path(__file__).parents[2] / "data" / "state-d42d9ee.tar.xz"
VIDEO, NO_VIDEO = "0167c6324041311c5d48", "c19a3c4e4a57fb286340"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return the settings of a stack that uses the state of the earlier one."""
    extracted = tmp_path_factory.mktemp("kept")
    with tarfile.open(STATE) as archive:
        archive.extractall(extracted, filter="data")
    folder = extracted / "aws"
    for path in (folder, folder / "state.pickle"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    _as_if_saved_by_this_moto(folder / "state.pickle")
    with Server(folder) as server, pointed_to(server):
        yield Settings()


def _as_if_saved_by_this_moto(state):
    """Name the installed moto in the header: this test is about our own records."""
    header, _, pickled = state.read_bytes().partition(b"\n")
    header = json.dumps(json.loads(header) | {"moto": version("moto")}).encode()
    state.write_bytes(header + b"\n" + pickled)


def test_videos_results_versions_and_replays_are_all_there(kept):
    api = Client(create_app(settings=kept))
    listed = {one["video_id"]: one["status"] for one in api.get("/videos").json()["videos"]}
    assert listed == {VIDEO: "ready_with_warnings", NO_VIDEO: "failed"}

    video = api.get(f"/videos/{VIDEO}").json()
    states = {one["stage"]: one["state"] for one in video["stages"]}
    assert states == dict.fromkeys(("transcode", "thumbnail", "transcribe", "detect"), "succeeded")
    assert [video["duration_s"], video["width"], video["height"]] == [2.0, 160, 90]
    error = api.get(f"/videos/{NO_VIDEO}").json()["stages"][0]["error"]
    assert (error["class"], error["code"]) == ("bad_input", "not_media")

    frames = api.get(f"/videos/{VIDEO}/detections").json()["frames"]
    assert set(video["labels"]) == {"ring", "square", "triangle"}
    assert {one["label"] for frame in frames for one in frame["objects"]} == set(video["labels"])
    assert api.get(f"/videos/{VIDEO}/transcript").status_code == 200
    assert api.get(video["links"]["playlist"]).text.startswith("#EXTM3U")

    versions = api.get(f"/videos/{VIDEO}/versions").json()["versions"]
    counted = Counter(one["stage"] for one in versions)
    assert counted == {"transcode": 1, "thumbnail": 1, "transcribe": 1, "detect": 2}
    (replay,) = api.get("/replays").json()["replays"]
    assert replay["state"] == "finished"


def test_every_file_of_a_result_is_there(kept):
    catalog, artifacts = bootstrap.catalog(kept), bootstrap.artifacts(kept)
    results = [run.current_result for run in catalog.video(VIDEO).stages.values()]
    files = [(one.prefix + file.name, file.bytes) for one in results for file in one.artifacts]
    assert len(files) > 10
    for key, size in files:
        assert len(artifacts.read(key)) == size


def test_its_buckets_queues_rules_and_table_are_used_as_they_are(kept):
    # Since then, uploads are versioned and found by name, a thumbnail run may take longer, and
    # there are events.
    made = provision.ensure(kept)
    assert [one for one in made if "-events" not in one] == [
        "versions of bucket videodrop-uploads",
        "index names of table videodrop",
        "queue videodrop-thumbnail",
        "queue videodrop-thumbnail-replay",
    ]
    assert provision.ensure(kept) == []
