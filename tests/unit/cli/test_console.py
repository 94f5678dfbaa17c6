"""Output on a terminal or a pipe, with names and messages from anyone."""

import io
import time
from datetime import UTC, datetime

import pytest
from rich.console import Console

from pipeline.cli import bars, console, selecting
from pipeline.cli.doctor import Finding
from pipeline.core.records import Spread
from pipeline.core.stage import Artifact, Notice, Result
from pipeline.hosts.stack_file import StackFile
from pipeline.results import video_view as views
from pipeline.stages.detect.detections import Detection, Frame

HOSTILE = "[red]\x1b]0;owned\x07\u202e4pm.a\n[/red][/].mp4"
SHOWN = "[red]�]0;owned��4pm.a�[/red][/].mp4"


@pytest.fixture
def shown():
    """A console that is not a terminal; its output is ``shown.file.getvalue()``."""
    return Console(file=io.StringIO(), width=300)


def sign(key, **_):
    return key


def terminal():
    return Console(file=io.StringIO(), force_terminal=True, width=120)


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        (HOSTILE, SHOWN),
        ("a\\", "a\\"),
        ("[link=file:///x]y", "[link=file:///x]y"),
        ("caf\udce9.mp4", "caf�.mp4"),
        ("naïve 日本 👨‍👩‍👧.mp4", "naïve 日本 👨‍👩‍👧.mp4"),
    ],
)
def test_text_of_others_is_shown_and_does_nothing(shown, text, harmless):
    shown.print(f"[bold]{console.plain(text)}[/bold].")
    assert shown.file.getvalue() == f"{harmless}.\n"


def test_hostile_names_and_messages_are_harmless_wherever_they_are_shown(
    shown, make_video, tmp_path
):
    video = make_video(HOSTILE.replace("/", ""), toy="failed", message=HOSTILE)
    console.videos(shown, [views.item(video, sign)])
    console.video(shown, views.detail(video, sign, {}))
    console.labels(
        shown,
        {
            HOSTILE: {
                "tracks": 1,
                "frames": 2,
                "best_confidence": 1,
                "best_time": 0,
                "intervals": [],
            }
        },
    )
    found = Detection(label=HOSTILE, confidence=0.5, box=(0, 0, 1, 1))
    console.frames(shown, [Frame(time=0, objects=[found])])
    artifact = Artifact(name=HOSTILE, media_type="text/plain", role="toy")
    notice = Notice(code="odd", message=HOSTILE)
    console.result(shown, Result(artifacts=[artifact], warnings=[notice]), tmp_path)
    console.findings(shown, [Finding(what="x", verdict="missing", detail=HOSTILE, fix=HOSTILE)])
    with bars.StageBars(shown, 1, quiet=False) as stage_bars:
        stage_bars.show([video])
    said = shown.file.getvalue()
    assert said.count(SHOWN.replace("/", "")) == 4
    assert said.count(SHOWN) == 9
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_without_a_terminal_each_change_is_a_line_and_nothing_is_drawn(shown, make_video):
    with bars.StageBars(shown, 1, quiet=False) as stage_bars:
        stage_bars.show([make_video(toy="running", progress=1)])
        stage_bars.show([make_video(toy="running", progress=60)])
        stage_bars.show([make_video(toy="succeeded")])
    assert shown.file.getvalue() == "a.mp4 toy running\na.mp4 toy succeeded\n"


def test_on_a_terminal_the_bars_of_all_videos_are_drawn():
    # Through the same records as everywhere: one bar a stage and video.
    screen = terminal()
    with bars.OneBar(screen, "[toy]", quiet=False) as bar:
        bar.listen(0.5)
    assert "[toy]" in screen.file.getvalue()
    assert "50%" in screen.file.getvalue()


def test_only_what_is_at_work_has_a_bar_below_that_of_all(make_video):
    screen = terminal()
    with bars.StageBars(screen, 3, quiet=False) as stage_bars:
        stage_bars.show(
            [
                make_video("a.mp4", toy="failed", progress=30, message="No good."),
                make_video("b.mp4", toy="running", progress=70),
                make_video("c.mp4", toy="pending"),
            ]
        )
    drawn = screen.file.getvalue()
    assert "1 of 3 videos" in drawn
    assert "57%" in drawn  # 100, 70 and 0
    assert "70%" in drawn
    assert "30%" not in drawn
    assert "c.mp4" not in drawn
    assert drawn.count("No good.") == 1


def test_thirty_clips_fit_an_ordinary_terminal(make_video, tmp_path):
    screen = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    paths = [tmp_path / f"{'a long name ' * 5}{number}.mp4" for number in range(30)]
    for path in paths:
        path.write_bytes(b"12345")
    with bars.UploadBars(screen, paths, quiet=False) as upload_bars:
        for path in paths[:5]:
            with upload_bars.active(path) as sent:
                sent(5)
        with upload_bars.active(paths[5]), upload_bars.active(paths[6]):
            drawn = _lines(upload_bars)
    assert [line[:13] for line in drawn] == ["5 of 30 files", *["upload a long"] * 2]
    videos = [make_video(f"{'name ' * 20}{n}.mp4", toy="pending") for n in range(26)]
    videos += [make_video(f"{'name ' * 20}{n}.mp4", toy="running") for n in range(26, 30)]
    with bars.StageBars(screen, 30, quiet=False) as stage_bars:
        stage_bars.show(videos)
        assert len(_lines(stage_bars)) == 5


def _lines(shown):
    """Return what is drawn, a line each."""
    screen = Console(file=io.StringIO(), width=80)
    screen.print(shown._progress.get_renderable())
    lines = screen.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    return lines


def test_uploads_are_told_without_a_terminal_and_counted_on_one(shown, tmp_path):
    path = tmp_path / "[b].mp4"
    path.write_bytes(b"12345")
    with bars.UploadBars(shown, [path], quiet=False) as shown_, shown_.active(path) as sent:
        sent(5)
    assert shown.file.getvalue() == "upload [b].mp4 (5 bytes)\n"
    screen = terminal()
    with bars.UploadBars(screen, [path], quiet=False) as shown_, shown_.active(path) as sent:
        sent(5)
    assert "5/5 bytes" in screen.file.getvalue()


def test_the_start_screen_names_each_address_with_its_token(shown, tmp_path):
    stack = StackFile(
        pid=1,
        endpoint="http://127.0.0.1:4599",
        api_url="http://127.0.0.1:8080",
        lan_urls=["http://192.168.1.7:8080", "http://10.0.0.3:8080"],
        token="abc",  # noqa: S106 - opens nothing
        inbox=tmp_path / "inbox",
    )
    console.welcome(shown, stack)
    screen = shown.file.getvalue()
    for address in ("127.0.0.1", "192.168.1.7", "10.0.0.3"):
        assert f"http://{address}:8080/#token=abc" in screen


@pytest.mark.parametrize("make", [terminal, lambda: Console(file=io.StringIO())])
def test_quiet_means_not_a_word(make, make_video, tmp_path):
    screen = make()
    path = tmp_path / "a.mp4"
    path.write_bytes(b"1")
    with bars.UploadBars(screen, [path], quiet=True) as shown_, shown_.active(path) as sent:
        sent(1)
    with bars.StageBars(screen, 1, quiet=True) as stage_bars:
        stage_bars.show([make_video(toy="running")])
    assert screen.file.getvalue() == ""


def test_a_pipe_gets_whole_lines(make_video, capsys):
    piped = console.make()
    name = "long " * 40 + "name.mp4"
    console.videos(piped, [views.item(make_video(name, toy="running"), sign)])
    assert name in capsys.readouterr().out


def test_an_unfinished_stage_is_marked(shown, make_video):
    console.videos(shown, [views.item(make_video(toy="pending", other="skipped"), sign)])
    assert "toy… other" in shown.file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "clock"),
    [(None, "-"), (0, "0:00.0"), (61.26, "1:01.3"), (3599.96, "1:00:00.0"), (7325, "2:02:05.0")],
)
def test_lengths_read_as_a_clock(shown, make_video, seconds, clock):
    item = views.item(make_video(toy="running"), sign).model_copy(update={"duration_s": seconds})
    console.videos(shown, [item])
    assert clock in shown.file.getvalue()


def test_a_reason_common_to_all_stages_is_said_once(shown):
    error = {
        "class": "bad_input",
        "code": "not_media",
        "message": "It is text.",
        "retryable": False,
    }
    run = {"state": "failed", "progress": 0, "error": error}
    item = views.VideoItem(
        video_id="0" * 20,
        name="notes.mp4",
        key="videos/notes.mp4",
        uploaded_at="2026-01-01T00:00:00Z",
        bytes=1,
        status="failed",
        playable=False,
        progress=100,
        duration_s=None,
        width=None,
        height=None,
        labels=[],
        poster=None,
        storyboard=False,
        stages=[{"stage": stage, **run} for stage in ("transcode", "detect")],
    )
    console.videos(shown, [item])
    said = shown.file.getvalue()
    assert said.count("It is text.") == 1
    assert "notes.mp4 transcode, detect: It is text. bad_input/not_media" in said


def test_the_parts_of_a_long_video_are_counted(shown, make_video):
    video = make_video(toy="running")
    spread = Spread(total=181, fingerprint="f", queue="q")
    ended = frozenset(f"part-{number}-1" for number in range(12))
    run = video.stages["toy"].model_copy(update={"spread": spread, "ended": ended})
    video = video.model_copy(update={"stages": {"toy": run}})
    console.video(shown, views.detail(video, sign, {}, at_work={"toy": 2}))
    assert "12 of 181 parts, 2 at work" in shown.file.getvalue()


# -- 80 columns ------------------------------------------------------------------------------------


def narrow():
    return Console(file=io.StringIO(), width=80)


def said_by(shown):
    lines = shown.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    return lines


def test_a_list_of_videos_has_a_line_each_on_80_columns(make_video):
    shown = narrow()
    stages = dict.fromkeys(("transcode", "thumbnail", "transcribe"), "succeeded")
    names = ["a.mp4", f"{'long ' * 20}.mp4"]
    videos = [make_video(name, **stages, detect="running", progress=40) for name in names]
    console.videos(shown, [views.item(video, sign) for video in videos])
    header, *lines = said_by(shown)
    assert header.split() == ["id", "name", "status", "length", "uploaded"]
    assert len(lines) == 2
    assert lines[0].startswith(f"{videos[0].video_id[:8]}  a.mp4 ")
    assert "processing 85 %" in lines[0]
    assert "…" in lines[1]


def test_a_wide_list_has_whole_ids_stages_and_labels(shown, make_video):
    video = make_video(toy="succeeded")
    console.videos(shown, [views.item(video, sign)])
    assert video.video_id in shown.file.getvalue()
    assert "labels" in shown.file.getvalue()


def test_a_remedy_is_never_cut_on_80_columns():
    shown = narrow()
    fix = "pip install 'videodrop[transcribe]'; or leave it out by VIDEODROP_STAGES"
    found = Finding(what="stage transcribe", verdict="missing", detail="lacks x " * 9, fix=fix)
    console.findings(shown, [found])
    assert "…" not in "".join(said_by(shown))


@pytest.fixture
def new_york(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("new_york")
def test_times_are_those_of_this_machine(shown, make_video):
    video = make_video(toy="succeeded")  # uploaded at midnight, UTC
    console.videos(shown, [views.item(video, sign)])
    console.video(shown, views.detail(video, sign, {}))
    assert "2025-12-31 19:00" in shown.file.getvalue()
    assert "uploaded 2025-12-31 19:00:00" in shown.file.getvalue()
    now = datetime(2026, 2, 1, tzinfo=UTC)
    meant = selecting.moment("2026-01-31", now)
    assert meant == datetime(2026, 1, 31, 5, tzinfo=UTC)
