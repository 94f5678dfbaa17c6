import json

import numpy as np
import pytest
from PIL import Image

from pipeline.core.ranges import Range
from pipeline.core.stage import Notice
from pipeline.stages.detect import contact_sheet, findings, interim
from pipeline.stages.detect.candidates import Candidates
from pipeline.stages.detect.contact_sheet import Strip
from pipeline.stages.detect.engine import Detection
from pipeline.stages.detect.findings import Findings
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


def strip(path, *frames):
    """Return the tiles of a range of (time, colour, detections)."""
    candidates = Candidates()
    for time_s, colour, found in frames:
        candidates.offer(time_s, np.full((180, 320, 3), colour, np.uint8), found)
    return Strip(candidates.save(path), lambda: path)


FRAMES = (
    (0.0, (200, 0, 0), [seen("ring", 0.5)]),
    (1.0, (0, 200, 0), [seen("ring", 0.9), seen("star", 0.3)]),
    (2.0, (0, 0, 200), [seen("ring", 0.7), seen("star", 0.4)]),
)


def test_a_contact_sheet_shows_the_clearest_frame_of_each_label(tmp_path):
    assert contact_sheet.save(tmp_path / "sheet.jpg", [strip(tmp_path / "a.png", *FRAMES)])
    with Image.open(tmp_path / "sheet.jpg", formats=["JPEG"]) as image:
        assert image.width == 640
        ring, star = image.getpixel((160, 150)), image.getpixel((480, 150))
    assert ring[1] > 150 > max(ring[0], ring[2])
    assert star[2] > 150 > max(star[0], star[1])


def test_a_contact_sheet_of_several_ranges_is_that_of_one(tmp_path):
    equal = (3.0, (90, 90, 90), [seen("ring", 0.9), seen("heart", 0.1)])
    whole = [strip(tmp_path / "whole.png", *FRAMES, equal)]
    parts = [
        strip(tmp_path / f"{number}.png", frame) for number, frame in enumerate((*FRAMES, equal))
    ]
    for name, strips in (("one", whole), ("four", parts)):
        assert contact_sheet.save(tmp_path / name, strips)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "four").read_bytes()


def test_tiles_that_the_contact_sheet_does_not_show_are_not_read(tmp_path):
    def missing():
        raise AssertionError("it is not needed")

    paler = strip(tmp_path / "paler.png", FRAMES[0])._replace(file=missing)
    assert contact_sheet.save(tmp_path / "s.jpg", [paler, strip(tmp_path / "a.png", *FRAMES)])


def test_a_contact_sheet_has_sixty_labels_at_most(tmp_path):
    labels = [f"label {number:02}" for number in range(70)]
    first, second = (
        strip(tmp_path / f"{n}.png", (float(n), (9, 9, 9), [seen(label) for label in labels[n::2]]))
        for n in (0, 1)
    )
    crowded = strip(tmp_path / "all.png", (0.0, (9, 9, 9), [seen(label) for label in labels]))
    assert [one.label for one in crowded.candidates] == labels[:60]
    assert contact_sheet.save(tmp_path / "s.jpg", [first, second])
    with Image.open(tmp_path / "s.jpg", formats=["JPEG"]) as image:
        assert image.height == 60 // 4 * (240 + 22)


def test_a_contact_sheet_marks_the_box_where_it_is(tmp_path):
    candidates = Candidates()
    image = np.zeros((480, 640, 3), np.uint8)
    candidates.offer(0.0, image, [seen("ring", 0.9, (100, 100, 300, 400))])
    tiles = Strip(candidates.save(tmp_path / "a.png"), lambda: tmp_path / "a.png")
    assert contact_sheet.save(tmp_path / "sheet.jpg", [tiles])
    with Image.open(tmp_path / "sheet.jpg", formats=["JPEG"]) as image:
        assert image.getpixel((50, 120))[0] > 150  # left edge, at half the size
        assert image.getpixel((100, 120))[0] < 60  # inside


def test_nothing_seen_makes_no_sheet(tmp_path):
    nothing = strip(tmp_path / "a.png")
    assert not contact_sheet.save(tmp_path / "sheet.jpg", [nothing])
    assert not list(tmp_path.iterdir())


def test_detections_are_read_as_they_were_written(tmp_path):
    star = Detection("star ü", 0.1234, (0.1, 2.25, 1e3, 33.33))
    given = [(0.1, [star, seen("ring")]), (0.6000001, None), (1.1, []), (1.6, None)]
    interim.write(tmp_path / "found", iter(given))
    assert list(interim.read(tmp_path / "found")) == [
        (0.1, [star, seen("ring")], True),
        (0.6000001, [star, seen("ring")], False),
        (1.1, [], True),
        (1.6, [], False),
    ]


DEMO = Notice(code="demo_model", message="m", level="info")


def warned(*errors, notices=(DEMO,)):
    """Return the warnings of ranges of 10 s with these numbers of errors."""
    common = {"frames": "f", "tiles": "t", "candidates": ()}
    return findings.warnings(
        [
            (
                Range(name=f"r-{n}", start_s=10.0 * n, end_s=10.0 * n + 10),
                Findings(errors=count, notices=notices, **common),
            )
            for n, count in enumerate(errors)
        ]
    )


def test_each_notice_comes_once():
    assert warned(0, 0, 0) == [DEMO]


def test_damage_is_one_warning_with_the_times_of_its_ranges():
    _, found = warned(3, 1, 0, 2)
    assert (found.code, found.level) == ("damaged_video", "warning")
    assert "(0 to 20 s, 30 to 40 s)" in found.message


def test_damage_of_a_video_of_one_range_has_no_times():
    (found,) = warned(3, notices=())
    assert found.message == "Parts of the video are damaged; objects may be missing there."
