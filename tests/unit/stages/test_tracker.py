import random

from pipeline.stages.detect.engine import Detection
from pipeline.stages.detect.tracker import Tracker


def at(x, y=50.0, *, size=20.0, label="star", confidence=0.8):
    half = size / 2
    return Detection(label, confidence, (x - half, y - half, x + half, y + half))


def follow(frames, *, step=0.5, patience_s=1.5):
    """Return the ids of each frame's detections, and all tracks at the end."""
    tracker = Tracker(patience_s)
    ids, tracks = [], []
    for number, detections in enumerate(frames):
        found, ended = tracker.update(number * step, detections)
        ids.append(found)
        tracks += ended
    return ids, tracks + tracker.finish()


def test_an_object_keeps_its_id_though_its_boxes_never_overlap():
    ids, (track,) = follow([[at(20 + 40 * n)] for n in range(6)])
    assert ids == [[1]] * 6
    assert (track.start, track.end, track.frames) == (0.0, 2.5, 6)


def test_objects_that_cross_keep_their_ids():
    frames = [[at(20 + 30 * n, 40), at(200 - 30 * n, 60)] for n in range(7)]
    ids, tracks = follow(frames)
    assert ids == [[1, 2]] * 7
    assert len(tracks) == 2


def test_ids_do_not_depend_on_the_order_of_detections():
    rng = random.Random(1)  # noqa: S311 - seeded, for a test
    lanes = [40.0 * lane for lane in range(5)]
    seen = {}
    tracker = Tracker(1.5)
    for n in range(10):
        order = rng.sample(lanes, 5)
        ids, _ = tracker.update(n / 2, [at(30 + 15 * n, y) for y in order])
        for y, id_ in zip(order, ids, strict=True):
            assert seen.setdefault(y, id_) == id_


def test_another_label_is_another_object():
    ids, _ = follow([[at(50, label="star")], [at(50, label="ring")]])
    assert ids == [[1], [2]]


def wavering(number, x):
    label, confidence = [("car", 0.9), ("bus", 0.95), ("car", 0.8), ("suitcase", 0.6)][number % 4]
    return at(x, label=label, confidence=confidence)


def test_an_object_whose_label_wavers_is_one_object_with_the_surest_label():
    frames = [[at(20, label="car")], *([wavering(n, 50 + 30 * n)] for n in range(8))]
    ids, (track,) = follow(frames)
    assert ids == [[1]] * 9
    assert (track.label, track.frames) == ("car", 9)
    assert (track.best.label, track.best.confidence, track.best_time) == ("car", 0.9, 0.5)


def test_an_object_of_another_label_beside_one_that_goes_on_is_another_object():
    frames = [[at(20 + 10 * n, label="rider"), at(22 + 10 * n, label="bicycle")] for n in range(5)]
    ids, _ = follow([[frames[0][0]], *frames[1:]])
    assert ids == [[1], *[[1, 2]] * 4]


def test_an_object_of_another_label_near_the_place_of_one_that_went_is_another_object():
    frames = [[at(50, label="car")]] * 3 + [[at(75, label="person")]]
    ids, _ = follow(frames)
    assert ids[-1] == [2]


def test_something_far_away_is_another_object():
    ids, _ = follow([[at(20)], [at(300)]])
    assert ids == [[1], [2]]


def test_something_of_another_size_is_another_object():
    ids, _ = follow([[at(50, size=6)], [at(50, size=6)], [at(50, size=300)]])
    assert ids == [[1], [1], [2]]


def test_an_object_hidden_for_a_moment_is_the_same_and_after_long_it_is_not():
    path = [[at(20 + 20 * n)] for n in range(8)]
    hidden = [*path[:3], [], [], path[5]]
    assert follow(hidden)[0][-1] == [1]
    ids, tracks = follow([*path[:3], [], [], [], [], path[3]])
    assert ids[-1] == [2]
    assert [track.end for track in tracks] == [1.0, 3.5]


def test_ended_tracks_are_returned_as_soon_as_they_cannot_continue():
    tracker = Tracker(1.5)
    tracker.update(0.0, [at(20)])
    assert tracker.update(1.5, [])[1] == []
    assert [track.id for track in tracker.update(2.0, [])[1]] == [1]
    assert tracker.finish() == []


def test_a_track_keeps_its_best_detection():
    sights = [at(20, confidence=0.5), at(22, confidence=0.9), at(24, confidence=0.7)]
    _, (track,) = follow([[one] for one in sights])
    assert (track.best, track.best_time) == (sights[1], 0.5)


def test_two_frames_of_one_time_do_not_divide_by_zero():
    tracker = Tracker(1.5)
    tracker.update(1.0, [at(20)])
    ids, _ = tracker.update(1.0, [at(20)])
    assert ids == [2]
    assert tracker.update(0.5, [at(20)])[0] == [3]
