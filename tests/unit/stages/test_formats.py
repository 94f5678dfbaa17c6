import numpy as np
import pytest

from pipeline.stages.detect import formats
from pipeline.stages.detect.formats import UnknownFormatError

EXPORT = {
    "names": "{0: 'circle', 1: 'star'}",
    "imgsz": "[320, 320]",
    "stride": "32",
    "task": "detect",
}
DYNAMIC = ["batch", 3, "height", "width"]


def test_an_export_says_its_labels_stride_and_size():
    found = formats.recognise(DYNAMIC, ["batch", 6, "anchors"], EXPORT)
    assert (found.labels, found.stride, found.image_size) == (("circle", "star"), 32, 320)


def test_a_yolox_file_has_the_labels_of_coco():
    found = formats.recognise([1, 3, 416, 416], [1, 3549, 85], {})
    assert len(found.labels) == 80
    assert (found.labels[0], found.labels[39], found.labels[-1]) == (
        "person", "bottle", "toothbrush",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "output", "metadata"),
    [
        ([1, 3, 416, 416], [1, 3549, 84], {}),  # 79 labels
        ([1, 3, 416, 416], [1, 2704, 85], {}),  # another grid
        ([1, 3, 416, 416], [1, 300, 6], {}),
        ([1, 3, 416, 416], [1, 1000], {}),  # a classifier
        ([1, 1, 28, 28], [1, 3549, 85], {}),
        ([1, 80], [1, 3549, 85], {}),
        (DYNAMIC, ["batch", "boxes", "values"], {}),
        (DYNAMIC, [1, 300, 6], EXPORT | {"names": str(dict(enumerate("abcd")))}),  # end to end
        (DYNAMIC, ["batch", 8, "anchors"], EXPORT),  # other labels
        (DYNAMIC, ["batch", None, "anchors"], EXPORT),
        (DYNAMIC, ["batch", 6, "anchors"], EXPORT | {"task": "pose"}),
        (DYNAMIC, ["batch", 6, "anchors"], EXPORT | {"names": "__import__('os').abort()"}),
        (DYNAMIC, ["batch", 6, "anchors"], EXPORT | {"names": "{1: 'circle', 2: 'star'}"}),
        (DYNAMIC, ["batch", 6, "anchors"], EXPORT | {"names": "[1, 2]"}),
        (DYNAMIC, ["batch", 6, "anchors"], EXPORT | {"names": "(" * 5000}),
        (DYNAMIC, ["batch", 6, "anchors"], EXPORT | {"stride": "0"}),
        (DYNAMIC, ["batch", 6, "anchors"], EXPORT | {"imgsz": "x"}),
        (DYNAMIC, ["batch", 4, "anchors"], EXPORT | {"names": "{}"}),
    ],
)
def test_other_forms_are_unknown(given, output, metadata):
    with pytest.raises(UnknownFormatError):
        formats.recognise(given, output, metadata)


def test_boxes_of_an_export_are_centre_and_size():
    form = formats.recognise(DYNAMIC, ["batch", 6, "anchors"], EXPORT)
    output = np.zeros((6, 3), np.float32)
    output[:, 1] = 100, 50, 20, 10, 0.2, 0.9
    boxes, confidences, classes = form.candidates(output, (192, 320), 0.25)
    assert boxes.tolist() == [[90, 45, 110, 55]]
    assert (classes.tolist(), confidences.tolist()) == ([1], pytest.approx([0.9]))


def test_boxes_of_yolox_are_relative_to_the_cell_of_their_grid():
    form = formats.recognise([1, 3, 64, 64], [1, 84, 85], {})
    output = np.zeros((84, 85), np.float32)  # 64 cells of 8 pixels, 16 of 16, 4 of 32
    output[64 + 4 * 2 + 1, :5] = 0.5, 0.25, np.log(2), 0, 0.8  # column 1, row 2 of the second grid
    output[64 + 4 * 2 + 1, 5 + 39] = 0.5
    boxes, confidences, classes = form.candidates(output, (64, 64), 0.25)
    assert boxes[0].tolist() == pytest.approx([24 - 16, 36 - 8, 24 + 16, 36 + 8])
    assert (classes.tolist(), confidences.tolist()) == ([39], pytest.approx([0.4]))
    assert len(form.candidates(output, (64, 64), 0.5).boxes) == 0


def test_boxes_that_are_no_numbers_are_left_out():
    form = formats.recognise(DYNAMIC, ["batch", 6, "anchors"], EXPORT)
    output = np.full((6, 4), 0.9, np.float32)
    output[0] = np.nan, np.inf, 5, 6
    output[5, 3] = np.nan
    assert len(form.candidates(output, (192, 320), 0.25).boxes) == 1
