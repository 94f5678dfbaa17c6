"""Results of the transcode stage play from start to end: in hls.js, and in Chromium by itself."""

import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from pipeline.core.stage import Deadline, Result, Source
from pipeline.media.probe import probe
from pipeline.stages.transcode import stage as transcode
from tests.browser.conftest import serving
from tests.integration.media import clips, test_still

pytestmark = pytest.mark.browser

PLAY = Path(__file__).with_name("play.js").read_text()
HLS_JS = Path(sys.prefix) / "web-tools" / "node_modules" / "hls.js" / "dist" / "hls.min.js"
PARAMS = transcode.Params(rungs=(360, 64), segment_s=2)  # small, and with many boundaries


class Case(NamedTuple):
    """A clip, its true length, and the number of frames that its renditions have."""

    maker: Callable[[Path], None]
    duration_s: float
    frames: int

    @property
    def name(self) -> str:
        return self.maker.__name__


CASES = [
    Case(clips.audio_only, 3, 0),
    Case(clips.conforming, 8, 120),
    Case(clips.early_second_sound, 3.021, 91),
    Case(clips.film, 7.007, 168),
    Case(clips.interlaced, 2, 50),
    Case(clips.joined_ac3, 9, 151),  # its sound has a hole of 3 s
    Case(clips.late_picture, 4, 120),
    Case(clips.long_gops, 9, 270),
    Case(clips.long_sound, 5, 61),
    Case(clips.many_tracks, 2.021, 60),
    Case(clips.ntsc, 7.007, 210),
    Case(clips.vfr, 8, 114),
]
# Its MP4 lasts 55 ms longer.
STILL = Case(test_still.in_the_middle, 20, 180)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
each_stream = pytest.mark.parametrize("case", [*CASES, STILL], ids=lambda case: case.name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of all results, one subfolder a case."""
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def made(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Result]:
    """Return a function that transcodes the clip of a case, once."""
    originals = tmp_path_factory.mktemp("clips")

    @cache
    def result(case: Case) -> Result:
        path = originals / f"{case.name}.mp4"
        case.maker(path)
        source = Source(path=path, name=path.name, probe=probe(path))
        work = folder / case.name
        work.mkdir()
        return transcode.run(source, PARAMS, work, Deadline(120))

    return result


@pytest.fixture(scope="module")
def address(folder: Path, made: Callable[[Case], Result]) -> Iterator[str]:
    """Serve the results by HTTP, with the media types of their artifacts and by ranges."""
    cases = {case.name: case for case in [*CASES, STILL]}

    def artifact(request: Request) -> Response:
        name, file = request.path_params["case"], request.path_params["file"]
        types = {one.name: one.media_type for one in made(cases[name]).artifacts}
        if file not in types:
            return Response(status_code=404)
        # Chromium's cache of a private window may cut a range: see pipeline.api.relay.
        uncached = {"Cache-Control": "no-store"}
        return FileResponse(folder / name / file, media_type=types[file], headers=uncached)

    def blank(_: Request) -> Response:
        return HTMLResponse("<!doctype html><title>Player</title><link rel=icon href=data:,>")

    routes = [Route("/", blank), Route("/{case}/{file:path}", artifact)]
    with serving(Starlette(routes=routes)) as served:
        yield served


@pytest.fixture(scope="module")
def screen(browser: Browser, address: str) -> Iterator[Page]:
    """Return a page in which addresses can be played; all tests share it."""
    page = browser.new_page()
    page.goto(address)
    yield page
    page.close()


@pytest.fixture(scope="module")
def hls_js(screen: Page) -> str:
    """Load hls.js into the page; without it, skip the tests, or fail them in CI."""
    if not HLS_JS.exists():
        if os.environ.get("CI"):
            pytest.fail("hls.js is not installed: run setup.sh")
        pytest.skip("hls.js is not installed: install npm, then run setup.sh")
    screen.add_script_tag(path=HLS_JS)
    return "hls.js"


@pytest.fixture(scope="module")
def chromium(screen: Page) -> str:
    """Skip the tests if Chromium plays no HLS by itself; versions before 142 do not."""
    asked = "document.createElement('video').canPlayType('application/vnd.apple.mpegurl')"
    if not screen.evaluate(asked):
        pytest.skip("this Chromium plays no HLS by itself")
    return "chromium"


@pytest.fixture
def play(screen: Page, address: str) -> Callable[..., dict[str, Any]]:
    """Return a function that plays a file of a result and returns a report."""

    def played(case: Case, file: str, player: str, track: int = 0) -> dict[str, Any]:
        url = f"{address}/{case.name}/{file}"
        return screen.evaluate(PLAY, {"address": url, "player": player, "track": track})

    return played


def check(report: dict[str, Any], case: Case, result: Result) -> None:
    """Check that a player showed and played all of a result, without a gap or an error."""
    assert report["problems"] == []
    length = report["duration"]
    assert length == pytest.approx(result.summary["duration_s"], abs=0.04)
    assert length == pytest.approx(case.duration_s, abs=0.04)
    assert report["buffered"] == [pytest.approx([0, length], abs=0.1)]
    assert report["time"] == pytest.approx(length, abs=0.04)
    assert report["frames"] == pytest.approx(case.frames, abs=2)
    sizes = [[one["width"], one["height"]] for one in result.summary["renditions"]]
    assert report["size"] in (sizes or [[0, 0]])
    assert bool(report["soundBytes"]) is bool(result.summary["audio"])


@each_stream
def test_hls_js_plays_a_result_to_its_end(play, hls_js, made, case):
    result = made(case)
    report = play(case, "hls/master.m3u8", hls_js)
    check(report, case, result)
    assert report["levels"] == max(1, len(result.summary["renditions"]))
    assert report["drift"] < 0.05


@pytest.mark.parametrize(
    "case",
    [one for one in CASES if one.maker in (clips.early_second_sound, clips.many_tracks)],
    ids=lambda case: case.name,
)
def test_hls_js_plays_the_last_of_several_sounds_to_its_end(play, hls_js, made, case):
    result = made(case)
    last = len(result.summary["audio"]) - 1
    report = play(case, "hls/master.m3u8", hls_js, track=last)
    check(report, case, result)
    assert report["track"] == last > 0


@each_stream
def test_chromium_plays_a_result_to_its_end_by_itself(play, chromium, made, case):
    result = made(case)
    check(play(case, "hls/master.m3u8", chromium), case, result)


@each_case
def test_the_mp4_or_m4a_plays_to_its_end(play, made, case):
    result = made(case)
    (file,) = (one.name for one in result.artifacts if one.role in {"mp4", "m4a"})
    check(play(case, file, "mp4"), case, result)
