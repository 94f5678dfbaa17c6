"""A cursor that a client made up continues no list."""

import hmac

import pytest

from pipeline.api.cursors import Cursors
from pipeline.aws.catalog import listing
from pipeline.core.errors import BadInput
from tests.fakes.query import START, client, done, place, upload, video

CLIPS = [video(upload(n), done(upload(n), "toy")) for n in range(3)]


def test_a_signed_cursor_comes_back_and_no_other():
    ours, theirs = Cursors(lambda: b"a" * 32), Cursors(lambda: b"b" * 32)
    sealed = ours.seal("place")
    assert ours.unseal(sealed) == "place"
    assert (ours.seal(None), ours.unseal(None)) == (None, None)
    for forged in ("", "place", sealed[:-1], f"{sealed}x", f"x{sealed}", theirs.seal("place"), "ü"):
        with pytest.raises(BadInput, match="not valid"):
            ours.unseal(forged)


def test_cursors_are_compared_in_constant_time(monkeypatch):
    cursors = Cursors(lambda: b"a" * 32)
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: False)
    with pytest.raises(BadInput, match="not valid"):
        cursors.unseal(cursors.seal("place"))


@pytest.mark.parametrize(
    ("path", "cursor"),
    [
        ("/videos", listing.encode(place(CLIPS[1]))),
        ("/labels", listing.encode(place(CLIPS[1]))),
        ("/replays", "20260131T120000123-1f2e3d"),
        ("/search", "WyJhIiwgMSwgbnVsbCwgZmFsc2Vd"),
        ("/webhooks/wh_1/deliveries", "0000000000000042"),
    ],
)
def test_a_route_takes_no_cursor_that_it_did_not_sign(path, cursor):
    answer = client(*CLIPS).get(path, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


@pytest.mark.parametrize("path", ["/videos", "/search"])
@pytest.mark.parametrize("name", ["uploaded_after", "uploaded_before"])
@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_time_that_utc_does_not_have_is_a_problem(path, name, time):
    answer = client(*CLIPS).get(path, params={name: time})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "years 1 to 9999" in answer.json()["detail"]


def test_a_replay_of_a_time_that_utc_does_not_have_is_a_problem():
    wanted = {"uploaded_after": "0001-01-01T00:00:00+14:00"}
    answer = client(*CLIPS).request("POST", "/replays", json=wanted)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_time_with_an_offset_is_that_time():
    time = START.astimezone().isoformat()
    assert client(*CLIPS).get("/videos", params={"uploaded_after": time}).status_code == 200
