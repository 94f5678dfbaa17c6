# ruff: noqa: PLC0415 - torch takes seconds to import
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx as onnx_format
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline.core.errors import BadInput, MissingDependency
from pipeline.media import frames
from pipeline.stages.detect import export, onnx, yolo
from pipeline.stages.detect.engine import Looking
from pipeline.stages.models import host, weights

from .conftest import source

pytestmark = pytest.mark.models

SAMPLES = Path(__file__).parents[3] / "samples"
ALL = Looking(0.25, 0.7, 320, 100, None)
IMAGE = "graph_input"


@pytest.fixture(scope="module")
def engine():
    return onnx.load(weights.resolve("yolo-shapes"))


@pytest.fixture(scope="module")
def seen():
    """Return the frames of both sample videos, as the stage gets them."""
    given = {name: source(SAMPLES / f"{name}.mp4") for name in ("landscape", "portrait")}
    return {
        name: list(frames.sample(one.path, one.probe, fps=2, long_side=320))
        for name, one in given.items()
    }


@pytest.fixture(scope="module")
def landscape(seen):
    return [frame.image for frame in seen["landscape"]]


def model(path, output, *, size=(64, 64), metadata=None, elsewhere=None, batch=1, kind="FLOAT"):
    """Write a model that ignores its input and always answers ``output``."""
    tensor = numpy_helper.from_array(output, "answer")
    if elsewhere:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", elsewhere), ("length", str(output.nbytes))):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
    graph = helper.make_graph(
        [helper.make_node("Identity", ["answer"], ["output"])],
        "constant",
        [helper.make_tensor_value_info(IMAGE, getattr(TensorProto, kind), [batch, 3, *size])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, output.shape)],
        [tensor],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(made, metadata or {})
    path.write_bytes(made.SerializeToString())
    return path


def load(path):
    return onnx.load(weights.resolve(str(path)))


def yolox():
    """Return an answer of YOLOX for 64 x 64 pixels: a bottle 32 pixels wide and 16 high."""
    answer = np.zeros((1, 84, 85), np.float32)
    answer[0, 64 + 4 * 2 + 1, :5] = 0.5, 0.5, np.log(2), 0, 0.8
    answer[0, 64 + 4 * 2 + 1, 5 + 39] = 0.9
    return answer


def test_labels_boxes_and_confidences_are_those_of_ultralytics_on_torch(engine, landscape):
    reference = yolo.load(weights.resolve("yolo-shapes.pt"))
    assert engine.labels == reference.labels
    assert engine.image_size == reference.image_size == 320
    pairs = 0
    for ours, theirs in zip(
        engine.detect(landscape, ALL), reference.detect(landscape, ALL), strict=True
    ):
        assert [one.label for one in ours] == [one.label for one in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert one.box == pytest.approx(other.box, abs=1)  # 2 pixels of the source
            assert one.confidence == pytest.approx(other.confidence, abs=0.02)
            pairs += 1
    assert pairs > 100


@pytest.mark.parametrize("size", [(90, 160), (180, 100), (320, 77)])
def test_images_of_other_sizes_are_placed_as_ultralytics_does(engine, landscape, size):
    from PIL import Image

    image = np.asarray(Image.fromarray(landscape[0]).resize(size[::-1]))
    reference = yolo.load(weights.resolve("yolo-shapes.pt"))
    (ours,), (theirs,) = engine.detect([image], ALL), reference.detect([image], ALL)
    assert [one.label for one in ours] == [one.label for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.box == pytest.approx(other.box, abs=1)


def test_options_mean_the_same_as_for_ultralytics(engine, landscape):
    reference = yolo.load(weights.resolve("yolo-shapes.pt"))
    label = engine.labels[0]
    for how in (
        Looking(0.01, 0.3, 256, 5, None),
        Looking(0.01, 0.95, 320, 300, None),
        Looking(0.05, 0.7, 320, 100, (label,)),
    ):
        ours, theirs = engine.detect(landscape[:8], how), reference.detect(landscape[:8], how)
        # Of equal confidences either may be first.
        assert [sorted(one.label for one in found) for found in ours] == [
            sorted(one.label for one in found) for found in theirs
        ]


def test_the_mean_average_precision_is_that_of_the_checkpoint(engine, seen):
    reference = yolo.load(weights.resolve("yolo-shapes.pt"))
    assert precision(engine, seen) == pytest.approx(precision(reference, seen), abs=0.01)


def precision(engine, seen):
    from samples.scoring import Found, Sight

    score = Sight(engine.labels)
    for name, shown in seen.items():
        truth = json.loads((SAMPLES / f"{name}.truth.json").read_text())
        there = {frame["time"]: frame["objects"] for frame in truth["frames"]}
        scale = max(truth["width"], truth["height"]) / 320
        for frame in shown[::2]:
            (found,) = engine.detect([frame.image], Looking(0.01, 0.7, 320, 100, None))
            score.add(
                [Found(one["label"], tuple(one["box"])) for one in there[round(frame.time_s, 3)]],
                [
                    Found(one.label, tuple(scale * edge for edge in one.box), one.confidence)
                    for one in found
                ],
            )
    half, _, _ = score.average_precision()
    assert half > 0.8
    return half


def test_a_batch_gives_what_single_images_give(engine, landscape):
    together = engine.detect(landscape[:5], ALL)
    for image, found in zip(landscape[:5], together, strict=True):
        (alone,) = engine.detect([image], ALL)
        assert [one.label for one in alone] == [one.label for one in found]
        for one, other in zip(alone, found, strict=True):
            assert one.box == pytest.approx(other.box, abs=0.01)


def test_images_of_different_sizes_can_be_mixed(engine, landscape):
    tall = np.ascontiguousarray(landscape[0].transpose(1, 0, 2))
    mixed = engine.detect([landscape[0], tall, landscape[0]], ALL)
    assert mixed[0] == mixed[2]
    assert engine.detect([], ALL) == []


def test_an_unknown_label_is_rejected(engine, landscape):
    with pytest.raises(BadInput, match="unknown_label"):
        engine.detect(landscape[:1], Looking(0.5, 0.7, 320, 10, ("unicorn",)))


def test_a_yolox_model_of_fixed_size_gets_one_image_at_a_time_in_its_corner(tmp_path):
    engine = load(model(tmp_path / "x.onnx", yolox()))
    assert (engine.image_size, engine.batch, len(engine.labels)) == (64, 1, 80)
    image = np.zeros((64, 128, 3), np.uint8)  # scaled by one half
    for found in engine.detect([image, image], Looking(0.25, 0.7, 640, 10, None)):
        (bottle,) = found
        assert bottle.label == "bottle"
        assert bottle.confidence == pytest.approx(0.72)
        assert bottle.box == pytest.approx((16, 64, 80, 64))  # clipped below


def head(path, *, size=64, target=-1):
    """Write a model with the form of YOLOX, whose boxes come from a pooled picture."""
    nodes, parts = [], []
    for stride in (8, 16, 32):
        side = {"kernel_shape": [stride, stride], "strides": [stride, stride]}
        nodes += [
            helper.make_node("AveragePool", [IMAGE], [f"pooled{stride}"], **side),
            helper.make_node("Conv", [f"pooled{stride}", "weights"], [f"raw{stride}"]),
            helper.make_node("Reshape", [f"raw{stride}", f"shape{stride}"], [f"part{stride}"]),
        ]
        cells = (size // stride) ** 2 if target > 0 else -1
        parts.append(numpy_helper.from_array(np.array([1, 85, cells]), f"shape{stride}"))
    nodes += [
        helper.make_node("Concat", ["part8", "part16", "part32"], ["joined"], axis=2),
        helper.make_node("Transpose", ["joined"], ["output"], perm=[0, 2, 1]),
    ]
    weights_ = np.zeros((85, 3, 1, 1), np.float32)
    weights_[4], weights_[5 + 39, 0] = 1 / 765, 1 / 255  # bright: an object; blue: a bottle
    boxes = sum((size // stride) ** 2 for stride in (8, 16, 32))
    graph = helper.make_graph(
        nodes,
        "head",
        [helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, boxes, 85])],
        [numpy_helper.from_array(weights_, "weights"), *parts],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    return path


@pytest.mark.parametrize("target", [-1, 1])
def test_a_yolox_model_gets_rectangles_if_it_works_with_them(tmp_path, target):
    engine = load(head(tmp_path / "x.onnx", target=target))
    assert engine.takes_squares == (target == 1)
    assert engine.image_size == 64
    image = np.zeros((64, 128, 3), np.uint8)
    image[32:, 64:] = 255  # in the input: 32 x 64 pixels, the lower right quarter white
    (found,) = engine.detect([image], Looking(0.9, 0.01, 64, 100, None))
    assert {one.label for one in found} == {"bottle"}
    assert all(one.box[0] >= 56 and one.box[1] >= 24 for one in found)


def test_an_exported_model_of_fixed_size_gets_its_square(tmp_path):
    answer = np.zeros((1, 6, 3), np.float32)
    answer[0, :, 1] = 32, 32, 20, 10, 0.2, 0.9
    names = {"names": "{0: 'circle', 1: 'star'}", "task": "detect", "imgsz": "[64, 64]"}
    engine = load(model(tmp_path / "e.onnx", answer, metadata=names))
    ((star,),) = engine.detect([np.zeros((64, 128, 3), np.uint8)], ALL)
    assert (star.label, star.box) == ("star", pytest.approx((44, 22, 84, 42)))


def rejected(path):
    with pytest.raises(MissingDependency, match="model_format") as caught:
        load(path)
    assert len(caught.value.message) < 400
    return caught.value.message


def test_a_file_that_is_not_a_model_is_rejected(tmp_path):
    for number, content in enumerate((b"", b"not a model", b"\x08\x07" * 50, b"PK\x03\x04" * 99)):
        path = tmp_path / f"{number}.onnx"
        path.write_bytes(content)
        rejected(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_model_is_rejected(tmp_path, share):
    whole = weights.resolve("yolo-shapes").path.read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(whole[: int(len(whole) * share)])
    rejected(path)


def test_a_model_of_another_form_is_rejected(tmp_path):
    nothing = np.zeros((1, 1000), np.float32)
    assert "its output" in rejected(model(tmp_path / "classifier.onnx", nothing))
    assert "its input" in rejected(model(tmp_path / "bytes.onnx", yolox(), kind="UINT8"))
    assert "4 images" in rejected(model(tmp_path / "four.onnx", yolox(), batch=4))
    pose = {"names": "{0: 'person'}", "task": "pose"}
    assert "task" in rejected(model(tmp_path / "pose.onnx", yolox(), metadata=pose))


@pytest.mark.parametrize("where", ["../secret", "/etc/passwd", "beside"])
def test_a_model_that_refers_to_other_files_is_rejected(tmp_path, where):
    (tmp_path / "secret").write_bytes(bytes(84 * 85 * 4))
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "beside").write_bytes(bytes(84 * 85 * 4))
    assert "another file" in rejected(model(folder / "x.onnx", yolox(), elsewhere=where))


def test_a_reference_to_another_file_cannot_be_hidden_by_its_encoding(tmp_path):
    path = model(tmp_path / "x.onnx", yolox(), elsewhere="beside")
    # The lengths of the entry and of its key, each written with a byte more than needed.
    plain = b"\x0a\x08location"
    content = path.read_bytes()
    assert plain in content
    path.write_bytes(content.replace(plain, b"\x0a\x88\x00location"))
    rejected(path)


def test_an_exported_checkpoint_is_kept_and_gives_the_bytes_of_the_sample(tmp_path):
    given = weights.resolve("yolo-shapes.pt")
    made = export.export(given, tmp_path / "exports")
    assert made.name == f"yolo-shapes-{given.sha256[:12]}.onnx"
    assert made.read_bytes() == weights.resolve("yolo-shapes").path.read_bytes()
    before = made.stat().st_mtime_ns
    assert export.export(given, tmp_path / "exports") == made
    assert made.stat().st_mtime_ns == before
    assert {path.name for path in made.parent.iterdir()} == {made.name, f"{made.name}.lock"}


def test_an_exported_model_holds_nothing_of_the_machine_that_made_it():
    content = weights.resolve("yolo-shapes").path
    held = {one.key for one in onnx_format.load(content).metadata_props}
    assert held == {"imgsz", "license", "names", "stride", "task", "version"}
    for word in (b"/home", b"/tmp", b"/work", b"/root", b"site-packages", b".py", b"20 2"):
        assert word not in content.read_bytes()


def test_what_is_no_checkpoint_is_not_exported(tmp_path):
    strange = tmp_path / "strange.pt"
    strange.write_bytes(b"not a checkpoint")
    with pytest.raises(MissingDependency, match="model_format"):
        export.export(weights.resolve(str(strange)), tmp_path)
    assert not list(tmp_path.glob("*.onnx"))


@pytest.fixture
def opened(monkeypatch):
    """Return the options and providers of the sessions that are opened on a host with a GPU."""
    asked = []
    plain = onnxruntime.InferenceSession

    def session(model, options, *, providers):
        asked.append((options, providers))
        return plain(model, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: both)
    monkeypatch.setattr(host, "_current", host.current())
    yield asked
    onnx._load.cache_clear()


@pytest.mark.parametrize(("device", "count"), [("cpu", 1), ("auto", 1), ("cuda", 2), ("cuda:0", 2)])
def test_a_gpu_is_used_only_if_the_host_says_so(opened, device, count):
    host.use(host.ModelHost(threads=3, device=device))
    onnx.load(weights.resolve("yolo-shapes"))
    ((_, providers),) = opened
    assert len(providers) == count
    assert providers[-1] == "CPUExecutionProvider"


def test_threads_are_the_share_of_the_host_and_do_not_spin(opened):
    host.use(host.ModelHost(threads=3, device="cpu"))
    onnx.load(weights.resolve("yolo-shapes"))
    ((options, _),) = opened
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_a_process_that_detects_imports_no_torch(tmp_path):
    code = """
import json, os, sys
from pathlib import Path
from pipeline.core.stage import Deadline, Source
from pipeline.media.probe import probe
from pipeline.stages.detect import stage
from pipeline.stages.models import host
host.use(host.ModelHost(threads=1))
params = stage.Params(model="yolo-shapes")
stage.warm_up(params)
path = Path(sys.argv[1])
given = Source(path=path, name=path.name, probe=probe(path))
result = stage.run(given, params, Path(sys.argv[2]), Deadline(100))
assert result.labels
heavy = {"torch", "torchvision", "ultralytics", "cv2", "onnx", "scipy"}
print(json.dumps(sorted(heavy & set(sys.modules))))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(SAMPLES / "portrait.mp4"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert json.loads(done.stdout) == []
