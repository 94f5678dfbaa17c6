import numpy as np

from pipeline.stages.detect import suppression


def keep(boxes, confidences, classes=None, *, iou=0.5, most=100):
    return suppression.kept(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(confidences, np.float32),
        np.array(classes or [0] * len(confidences)),
        iou=iou,
        most=most,
    )


def test_of_overlapping_boxes_the_most_confident_stays():
    boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]]
    assert keep(boxes, [0.5, 0.9, 0.3]) == [1, 2]


def test_boxes_of_different_classes_do_not_suppress_each_other():
    assert keep([[0, 0, 10, 10], [0, 0, 10, 10]], [0.5, 0.9], [0, 1]) == [1, 0]


def test_an_overlap_equal_to_the_limit_is_kept():
    half = [[0, 0, 10, 10], [0, 0, 10, 5]]
    assert keep(half, [0.9, 0.5], iou=0.5) == [0, 1]
    assert keep(half, [0.9, 0.5], iou=0.49) == [0]


def test_a_suppressed_box_suppresses_nothing():
    chain = [[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]]
    assert keep(chain, [0.9, 0.8, 0.7], iou=0.4) == [0, 2]


def test_at_most_so_many_are_kept():
    boxes = [[20 * n, 0, 20 * n + 10, 10] for n in range(5)]
    assert keep(boxes, [0.1, 0.5, 0.3, 0.4, 0.2], most=2) == [1, 3]


def test_boxes_without_area_are_kept_apart():
    assert keep([[5, 5, 5, 5], [5, 5, 5, 5]], [0.9, 0.8]) == [0, 1]


def test_no_boxes_give_none():
    assert keep([], []) == []
