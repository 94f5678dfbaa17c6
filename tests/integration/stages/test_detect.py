# ruff: noqa: PLC0415 - torch takes seconds to import
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from pipeline.core.errors import BadInput, MissingDependency, TimedOut
from pipeline.core.stage import Deadline
from pipeline.media import frames
from pipeline.stages.detect import onnx, yolo
from pipeline.stages.detect import stage as detect
from pipeline.stages.detect.engine import Detection, Looking
from pipeline.stages.models import weights

from .conftest import ffmpeg, source

pytestmark = pytest.mark.models


class Scripted:
    """An engine that detects one object, a tenth of the image from each side."""

    labels = ("star",)
    image_size = 160
    batch = 4

    def __init__(self, *, finds=True):
        self.finds = finds
        self.batches = []

    def detect(self, images, how):
        self.batches.append((len(images), how))
        height, width, _ = images[0].shape
        box = (width * 0.1, height * 0.1, width * 0.9, height * 0.9)
        return [[Detection("star", 0.75, box)] if self.finds else [] for _ in images]


@pytest.fixture
def scripted(monkeypatch, tmp_path):
    """Replace YOLO by a scripted engine."""
    model = tmp_path / "model.pt"
    zipfile.ZipFile(model, "w").close()

    def install(**script):
        engine = Scripted(**script)
        monkeypatch.setattr(yolo, "load", lambda _: engine)
        return engine

    install.model = str(model)
    return install


def read(path):
    return json.loads(path.read_text())


def test_objects_in_a_video_are_found_followed_and_summed_up(fresh, shapes):
    told = []
    result, work = fresh(detect, shapes, told.append)
    found = read(work / "detections.json")
    assert found["model"]["sha256"] == weights.digest("yolo-shapes")
    assert (found["fps"], found["width"], found["height"]) == (2.0, 640, 360)
    assert [frame["time"] for frame in found["frames"]] == [n / 2 for n in range(12)]
    red = found["frames"][2]["objects"][0]  # at 1 s
    assert red["label"] == "square"
    assert red["box"] == pytest.approx([100, 40, 190, 130], abs=8)
    tracks = [t for t in read(work / "tracks.json")["tracks"] if t["label"] == "square"]
    whole = max(tracks, key=lambda track: track["frames"])
    assert (whole["start"], whole["end"]) == (0.0, 5.5)
    assert "square" in result.labels == sorted(result.labels)
    assert result.summary["labels"]["square"]["intervals"] == [[0.0, 5.5]]
    assert result.summary["frames"] == 12
    assert {artifact.role for artifact in result.artifacts} == {
        "detections_json", "tracks_json", "contact_sheet",
    }  # fmt: skip
    with Image.open(work / "contact_sheet.jpg", formats=["JPEG"]) as sheet:
        sheet.load()
    assert [warning.code for warning in result.warnings] == ["demo_model"]
    assert "seven shapes" in result.warnings[0].message
    assert told == sorted(told)


def test_boxes_are_those_of_plain_predict_on_the_same_frames(shapes):
    engine = yolo.load(weights.resolve("yolo-shapes.pt"))
    given = source(shapes)
    images = [
        frame.image
        for frame in frames.sample(given.path, given.probe, fps=2, long_side=engine.image_size)
    ]
    ours = engine.detect(images, Looking(0.1, 0.7, engine.image_size, 100, None))
    plain = yolo._library()(str(weights.resolve("yolo-shapes.pt").path))
    pairs = 0
    for image, found in zip(images, ours, strict=True):
        (answer,) = plain.predict(image[..., ::-1], conf=0.1, max_det=100, verbose=False)
        assert [one.label for one in found] == [plain.names[int(n)] for n in answer.boxes.cls]
        for one, box, confidence in zip(found, answer.boxes.xyxy, answer.boxes.conf, strict=True):
            assert one.box == pytest.approx(box.tolist(), abs=0.01)
            assert one.confidence == pytest.approx(float(confidence), abs=1e-4)
            pairs += 1
    assert pairs >= 12


def test_boxes_are_in_pixels_of_the_source_as_it_is_shown(fresh, shapes, scripted):
    scripted()
    _, work = fresh(detect, shapes, model=scripted.model)
    for frame in read(work / "detections.json")["frames"]:
        assert frame["objects"][0]["box"] == pytest.approx([64, 36, 576, 324], abs=0.1)


def test_frames_go_to_the_model_in_batches_of_its_best_size(fresh, shapes, scripted):
    engine = scripted()
    fresh(detect, shapes, model=scripted.model)
    assert [size for size, _ in engine.batches] == [4, 4, 4]
    fresh(detect, shapes, model=scripted.model, batch=5)
    assert [size for size, _ in engine.batches[3:]] == [5, 5, 2]


def test_the_name_of_a_model_says_its_engine(tmp_path):
    checkpoint = tmp_path / "mine.pt"
    zipfile.ZipFile(checkpoint, "w").close()
    named = {name: detect.identity(detect.Params(model=name)) for name in
             ("yolo-shapes", "yolo-shapes.pt", str(checkpoint))}  # fmt: skip
    assert [one["engine"] for one in named.values()] == [
        "onnxruntime",
        "ultralytics",
        "ultralytics",
    ]
    assert all(one["engine_version"] for one in named.values())
    assert detect.identity(detect.Params())["model"] != "auto"


def test_the_checkpoint_gives_the_tracks_of_its_export(fresh, shapes):
    _, ours = fresh(detect, shapes, model="yolo-shapes")
    _, theirs = fresh(detect, shapes, model="yolo-shapes.pt")
    assert [
        (track["label"], track["start"], track["end"])
        for track in read(ours / "tracks.json")["tracks"]
    ] == [
        (track["label"], track["start"], track["end"])
        for track in read(theirs / "tracks.json")["tracks"]
    ]


def test_a_still_picture_is_looked_at_once_in_a_while(fresh, media, scripted):
    engine = scripted()
    engine.batch = 1
    path = media / "slide.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=0.1",
           *("-vf", "loop=-1:1,setpts=N/10/TB", "-t", 16, "-c:v", "libx264", path))  # fmt: skip
    result, work = fresh(detect, path, model=scripted.model)
    assert (result.summary["frames"], result.summary["looked_at"]) == (32, 4)
    assert len(engine.batches) == 4
    found = read(work / "detections.json")["frames"]
    assert [frame["time"] for frame in found] == [n / 2 for n in range(32)]
    assert len({json.dumps(frame["objects"]) for frame in found}) == 1
    fresh(detect, path, model=scripted.model, gate=False)
    assert len(engine.batches) == 4 + 32


def test_a_video_that_pauses_has_the_detections_of_one_that_is_looked_at_all_the_time(
    fresh, media, shapes
):
    path = media / "pause.mp4"
    still = "loop=loop=60:size=1:start=20,setpts=N/10/TB"
    ffmpeg("-i", shapes, "-vf", still, "-c:v", "libx264", path)
    some, work = fresh(detect, path)
    every, whole = fresh(detect, path, gate=False)
    assert some.summary["looked_at"] <= every.summary["looked_at"] - 9
    for one, other in zip(
        read(work / "detections.json")["frames"], read(whole / "detections.json")["frames"],
        strict=True,
    ):  # fmt: skip
        assert one["time"] == other["time"]
        assert [found["label"] for found in one["objects"]] == [
            found["label"] for found in other["objects"]
        ]
        for found, true in zip(one["objects"], other["objects"], strict=True):
            assert found["box"] == pytest.approx(true["box"], abs=3)


def test_options_reach_the_engine(fresh, shapes, scripted):
    engine = scripted()
    options = {"confidence": 0.5, "iou": 0.6, "image_size": 320, "max_detections": 7}
    result, _ = fresh(detect, shapes, model=scripted.model, fps=1, classes=("star",), **options)
    assert engine.batches[0][1] == Looking(0.5, 0.6, 320, 7, ("star",))
    assert result.summary["frames"] == 6


def test_nothing_found_is_a_result_without_a_warning(fresh, shapes, scripted):
    scripted(finds=False)
    result, work = fresh(detect, shapes, model=scripted.model)
    assert (result.labels, result.warnings, result.summary["labels"]) == ([], [], {})
    assert read(work / "tracks.json")["tracks"] == []
    assert len(read(work / "detections.json")["frames"]) == 12
    assert "contact_sheet" not in {artifact.role for artifact in result.artifacts}


def test_audio_without_video_is_rejected(fresh, audio_only, scripted):
    scripted()
    with pytest.raises(BadInput, match="no_video"):
        fresh(detect, audio_only, model=scripted.model)


def test_only_the_requested_classes_are_detected(fresh, shapes):
    result, _ = fresh(detect, shapes, classes=("heart",), confidence=0.01)
    assert set(result.labels) <= {"heart"}


def test_an_unknown_class_is_rejected_with_a_list_of_the_known_ones(fresh, shapes):
    with pytest.raises(BadInput, match="unknown_label") as caught:
        fresh(detect, shapes, classes=("unicorn",))
    assert "triangle" in caught.value.message


def test_a_file_that_is_not_a_yolo_model_is_rejected(fresh, shapes, tmp_path):
    strange = tmp_path / "strange.pt"
    strange.write_bytes(b"not a checkpoint")
    with pytest.raises(MissingDependency, match="model_format"):
        fresh(detect, shapes, model=str(strange))


def test_a_checkpoint_cannot_run_code(fresh, shapes, tmp_path):
    import torch

    class Attack:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'owned')!r}, 'w')",))

    torch.save({"model": Attack()}, tmp_path / "attack.pt")
    with pytest.raises(MissingDependency, match="model_format"):
        fresh(detect, shapes, model=str(tmp_path / "attack.pt"))
    assert not (tmp_path / "owned").exists()


def test_a_run_past_its_deadline_stops(shapes, tmp_path, scripted):
    scripted()
    with pytest.raises(TimedOut):
        detect.run(source(shapes), detect.Params(model=scripted.model), tmp_path, Deadline(0))


def test_ultralytics_changes_nothing_outside_its_adapter(tmp_path):
    """Run it in a child process, because its import patches other modules."""
    code = """
import os, socket, PIL.Image, torch, numpy as np
def no(*_): raise SystemExit("it used the network")
socket.socket.connect = socket.getaddrinfo = no
before = PIL.Image.open, torch.save
asked, real = [], torch.set_num_threads
torch.set_num_threads = lambda count: (asked.append(count), real(count))
from pipeline.stages.detect import yolo
from pipeline.stages.models import host, weights
from pipeline.stages.detect.engine import Looking
host.use(host.ModelHost(threads=3))
engine = yolo.load(weights.resolve("yolo-shapes.pt"))
engine.detect([np.zeros((90, 160, 3), np.uint8)], Looking(0.5, 0.7, 160, 10, None))
assert (PIL.Image.open, torch.save) == before, "patches are left"
assert set(asked) == {3} == {torch.get_num_threads()}, asked
assert os.environ["OMP_NUM_THREADS"] == "3", "ffmpeg would be limited to one thread"
assert not os.listdir(os.environ["HOME"]), "it wrote to the home directory"
left = [name for name in os.listdir(os.environ["TMPDIR"]) if not name.startswith("torchinductor")]
assert not left, left
"""
    for folder in ("home", "tmp"):
        (tmp_path / folder).mkdir()
    env = {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_stage_module_imports_nothing_heavy():
    code = (
        "import sys; from pipeline.stages.detect import stage as d; d.identity(d.Params());"
        "heavy = {'torch', 'ultralytics', 'PIL', 'cv2', 'numpy', 'lap', 'onnxruntime', 'onnx'};"
        "assert not heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_model_is_loaded_before_the_first_video_and_stays():
    detect.warm_up(detect.Params(model="yolo-shapes"))
    misses = onnx._load.cache_info().misses
    engine = onnx.load(weights.resolve("yolo-shapes"))
    assert onnx._load.cache_info().misses == misses
    assert engine.detect([np.zeros((90, 160, 3), np.uint8)], Looking(0.9, 0.7, 160, 5, None)) == [
        []
    ]
