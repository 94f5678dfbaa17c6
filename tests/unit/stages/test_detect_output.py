import json

import numpy as np
import pytest
from PIL import Image

from pipeline.stages.detect.contact_sheet import ContactSheet
from pipeline.stages.detect.engine import Detection
from pipeline.stages.detect.json_array import json_array
from pipeline.stages.detect.sightings import Sightings
from pipeline.stages.detect.tracker import Tracker


def seen(label, confidence=0.8, box=(10.0, 10.0, 30.0, 30.0)):
    return Detection(label, confidence, box)


def sighted(rows, *, gap_s=1.5, most=1000):
    """Return the summary of rows of (time, labels)."""
    sightings, tracker = Sightings(gap_s), Tracker(gap_s)
    for time, labels in rows:
        detections = [seen(label) for label in labels]
        for track in tracker.update(time, detections)[1]:
            sightings.ended(track)
        sightings.frame(time, detections)
    for track in tracker.finish():
        sightings.ended(track)
    return sightings.summary(most)


def test_a_json_array_is_valid_json_with_a_line_an_item(tmp_path):
    path = tmp_path / "a.json"
    with json_array(path, {"model": {"name": "m"}, "fps": 2.0}, "frames") as add:
        add({"time": 0.0, "text": "ü\n"})
        add({"time": 0.5})
    assert json.loads(path.read_text()) == {
        "model": {"name": "m"},
        "fps": 2.0,
        "frames": [{"time": 0.0, "text": "ü\n"}, {"time": 0.5}],
    }
    _, *items, _ = path.read_text().splitlines()
    assert [json.loads(item.rstrip(",")) for item in items] == json.loads(path.read_text())[
        "frames"
    ]


def test_an_empty_json_array_is_valid_json(tmp_path):
    with json_array(tmp_path / "a.json", {}, "tracks"):
        pass
    assert json.loads((tmp_path / "a.json").read_text()) == {"tracks": []}


def test_a_value_that_json_cannot_represent_is_rejected(tmp_path):
    with (
        json_array(tmp_path / "a.json", {}, "frames") as add,
        pytest.raises(ValueError, match="JSON"),
    ):
        add({"time": float("nan")})


def test_sightings_close_together_are_one_interval_and_counted_once():
    found = sighted(
        [(0.0, ["star"]), (0.5, ["star", "star"]), (1.0, []), (2.0, ["star"]), (9.0, ["star"])]
    )
    assert found["star"]["intervals"] == [[0.0, 2.0], [9.0, 9.0]]
    assert found["star"]["frames"] == 4
    assert found["star"]["tracks"] == 3


def test_the_best_sight_of_a_label_is_kept():
    sightings = Sightings(1.5)
    for time, confidence in ((0.0, 0.4), (0.5, 0.9), (1.0, 0.6)):
        sightings.frame(time, [seen("ring", confidence)])
    found = sightings.summary(10)["ring"]
    assert (found["best_confidence"], found["best_time"]) == (0.9, 0.5)


def test_labels_are_in_order():
    assert list(sighted([(0.0, ["star", "heart", "ring"])])) == ["heart", "ring", "star"]


def test_a_summary_stays_small_with_many_intervals():
    rows = [(4.0 * n, ["star"] if n % 2 else ["ring"]) for n in range(3000)]
    found = sighted(rows, most=1000)
    assert sum(len(label["intervals"]) for label in found.values()) <= 1000
    assert found["star"]["intervals"][0][0] == 4.0
    assert found["star"]["intervals"][-1][1] == 4.0 * 2999


def test_more_labels_than_intervals_end_as_one_interval_each():
    rows = [(5.0 * n, ["a", "b", "c"]) for n in range(5)]
    assert [label["intervals"] for label in sighted(rows, most=2).values()] == [[[0.0, 20.0]]] * 3


def test_a_contact_sheet_shows_the_clearest_frame_of_each_label(tmp_path):
    sheet = ContactSheet()
    shape = (180, 320, 3)
    sheet.offer(0.0, np.full(shape, (200, 0, 0), np.uint8), [seen("ring", 0.5)])
    sheet.offer(1.0, np.full(shape, (0, 200, 0), np.uint8), [seen("ring", 0.9), seen("star", 0.3)])
    sheet.offer(2.0, np.full(shape, (0, 0, 200), np.uint8), [seen("ring", 0.7), seen("star", 0.4)])
    assert sheet.save(tmp_path / "sheet.jpg")
    with Image.open(tmp_path / "sheet.jpg", formats=["JPEG"]) as image:
        assert image.width == 640
        ring, star = image.getpixel((160, 150)), image.getpixel((480, 150))
    assert ring[1] > 150 > max(ring[0], ring[2])
    assert star[2] > 150 > max(star[0], star[1])


def test_a_contact_sheet_marks_the_box_where_it_is(tmp_path):
    sheet = ContactSheet()
    sheet.offer(0.0, np.zeros((480, 640, 3), np.uint8), [seen("ring", 0.9, (100, 100, 300, 400))])
    assert sheet.save(tmp_path / "sheet.jpg")
    with Image.open(tmp_path / "sheet.jpg", formats=["JPEG"]) as image:
        assert image.getpixel((50, 120))[0] > 150  # left edge, at half the size
        assert image.getpixel((100, 120))[0] < 60  # inside


def test_nothing_seen_makes_no_sheet(tmp_path):
    assert not ContactSheet().save(tmp_path / "sheet.jpg")
    assert not list(tmp_path.iterdir())
