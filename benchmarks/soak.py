"""A long run of mixed jobs under disturbance: none is lost, none is done twice, nothing is left.

    python -m benchmarks.soak [--jobs 500] [--seed 1] [--stages thumbnail,transcode]

A whole stack processes small videos, some without sound or picture. Of the jobs, 5 % are files that
are damaged, 10 % have their messages delivered again, and of 5 % the events of two revisions arrive
in the wrong order. For 20 % a process of a stage is killed. Prints a table; exits with 1 if a bar
is missed.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.library import STAGE, WORKER, RunningStack, distinct, ffmpeg, log, running_stack
from benchmarks.soak_messages import Copies, Revisions
from pipeline import bootstrap
from pipeline.aws.following import follow
from pipeline.aws.queues import counts
from pipeline.core.records import Video

_PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=2", "-pix_fmt", "yuv420p")
_SOUND = ("-f", "lavfi", "-i", "sine=d=2")
_CLIPS = {
    "picture and sound": (*_PICTURE[:4], *_SOUND, *_PICTURE[4:], "-shortest"),
    "picture": _PICTURE,
    "sound": _SOUND,
}
_DAMAGED, _REPEATED, _DISORDERED, _KILLED = 0.05, 0.10, 0.05, 0.20
_GROWTH = 1.05
_GOOD = {"ready", "ready_with_warnings"}
_SERVER, _API = "pipeline.hosts.local.server", "pipeline.api.server"


def main() -> None:
    """Run the jobs, and print the table; exit with 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stages", default="", help="those of the stack; all by default")
    parser.add_argument("--timeout", type=float, default=4 * 3600.0, help="seconds for all jobs")
    args = parser.parse_args()
    rows = run(args.jobs, args.seed, stages=args.stages, timeout_s=args.timeout)
    width = max(len(row[0]) for row in rows)
    for what, bar, seen, holds in rows:
        print(f"{what:{width}}  {bar:>10}  {seen:>28}  {'' if holds else 'MISSED'}")
    sys.exit(not all(row[3] for row in rows))


Row = tuple[str, str, str, bool]
"""A row of the table: the count, its bar, the value seen, and the verdict."""


def run(jobs: int, seed: int, *, stages: str = "", timeout_s: float = 3600.0) -> list[Row]:
    """Run so many jobs, and return the rows of the table."""
    rng = random.Random(seed)  # noqa: S311 - no secret depends on it
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scratch = folder / "scratch"
        scratch.mkdir()
        settings = {"VIDEODROP_SCRATCH": str(scratch), "VIDEODROP_LEASE_S": "15"}
        if stages:
            settings["VIDEODROP_STAGES"] = stages
        with running_stack(folder / "home", **settings) as here:
            return _Soak(here, folder, rng, jobs).run(timeout_s)


class _Soak:
    """One run.

    Args:
        here: the stack.
        folder: for clips; its folder ``scratch`` is that of the stack's jobs.
        rng: decides all that is random.
        jobs: number of jobs.
    """

    def __init__(self, here: RunningStack, folder: Path, rng: random.Random, jobs: int) -> None:
        self._here, self._folder, self._rng, self._jobs = here, folder, rng, jobs
        self._uploads = bootstrap.uploads(here.settings)
        self._copies = Copies(here.settings)
        self._revisions = Revisions(here.settings, self._copies)
        self._good: dict[str, str] = {}  # the ETag that is to be current, by video id
        self._bad: set[str] = set()
        self._killed: Counter[str] = Counter()
        self._repeated = self._disordered = 0
        self._ended = 0
        self._memory: dict[str, list[tuple[int, int]]] = {}
        self._over = threading.Event()

    def run(self, timeout_s: float) -> list[Row]:
        """Run all jobs, and return the rows."""
        began = time.monotonic()
        threads = [threading.Thread(target=one, daemon=True) for one in (self._kill, self._weigh)]
        for thread in threads:
            thread.start()
        self._drop_all()
        videos: list[Video] = []
        ids = [*self._good, *self._bad]
        for videos in follow(
            self._here.catalog, dict.fromkeys(ids), timeout_s=timeout_s, every_s=1
        ):
            self._ended = sum(video.status != "processing" for video in videos)
            log(f"{self._ended} of {len(ids)} ended, {self._killed.total()} processes killed")
        self._over.set()
        for thread in threads:
            thread.join()
        self._await_quiet()
        return self._rows(videos, time.monotonic() - began)

    # -- jobs --------------------------------------------------------------------------------------

    def _drop_all(self) -> None:
        clips = {}
        for kind, options in _CLIPS.items():
            clips[kind] = self._folder / f"{kind.replace(' ', '-')}.mp4"
            ffmpeg(*options, clips[kind])
        kinds = self._kinds()
        for number, kind in enumerate(kinds):
            clip = clips[self._rng.choice(list(clips))]
            with distinct(clip, number) as copy:
                if kind == "damaged":
                    self._drop_damaged(copy, number)
                elif kind == "disordered":
                    self._drop_disordered(copy, number)
                else:
                    self._drop(copy, number, again=kind == "repeated")

    def _kinds(self) -> list[str]:
        """Return the kind of each job."""
        shares = {"damaged": _DAMAGED, "repeated": _REPEATED, "disordered": _DISORDERED}
        kinds = [kind for kind, share in shares.items() for _ in range(_part(share, self._jobs))]
        kinds += ["plain"] * (self._jobs - len(kinds))
        self._rng.shuffle(kinds)
        return kinds

    def _drop(self, clip: Path, number: int, *, again: bool) -> None:
        key = self._uploads.key(f"{number:04}.mp4")
        video_id = self._uploads.put(clip, key)
        self._good[video_id] = self._copies.etag(key)
        if again:
            self._repeated += self._copies.send_again(key, self._rng)

    def _drop_damaged(self, clip: Path, number: int) -> None:
        content = clip.read_bytes()
        damaged = self._rng.choice([content[: len(content) // 2], self._rng.randbytes(9000)])
        clip.write_bytes(damaged)
        self._bad.add(self._uploads.put(clip, self._uploads.key(f"{number:04}.mp4")))

    def _drop_disordered(self, clip: Path, number: int) -> None:
        later = clip.read_bytes() + b"\0\0\0\x08free"
        key = self._uploads.key(f"{number:04}.mp4")
        video_id, etag = self._revisions.drop(key, clip.read_bytes(), later)
        self._good[video_id] = etag
        self._disordered += 1

    # -- disturbance -------------------------------------------------------------------------------

    def _kill(self) -> None:
        """Kill processes of stages, evenly over the jobs."""
        wanted = _part(_KILLED, self._jobs)
        while not self._over.wait(0.2):
            due = wanted * (self._ended + 1) / self._jobs
            if self._killed.total() >= min(wanted, due):
                continue
            with suppress(psutil.Error):
                at_work = [one for one in self._here.processes(STAGE) if one.children()]
                if at_work:
                    victim = self._rng.choice(at_work)
                    victim.kill()
                    self._killed["killed"] += 1

    def _weigh(self) -> None:
        """Note the memory of the long-lived processes, with the jobs that have ended."""
        while not self._over.wait(2):
            for name, of in (("worker", WORKER), ("API", _API), ("server", _SERVER)):
                # Without copies that save the state.
                for one in self._here.processes(of)[:1]:
                    with suppress(psutil.Error):
                        found = self._memory.setdefault(name, [])
                        found.append((self._ended, one.memory_info().rss))

    # -- results -----------------------------------------------------------------------------------

    def _await_quiet(self, patience_s: float = 120.0) -> None:
        end = time.monotonic() + patience_s
        while (self._messages() or self._tools()) and time.monotonic() < end:
            time.sleep(1)

    def _messages(self) -> int:
        names = self._here.settings.names
        return sum(sum(counts(names.queue(stage))) for stage in self._copies.stages)

    def _tools(self) -> list[str]:
        found = []
        for one in self._here.family():
            with suppress(psutil.Error):
                if one.name() in {"ffmpeg", "ffprobe"}:
                    found.append(" ".join(one.cmdline()))
        return found

    def _rows(self, videos: list[Video], seconds: float) -> list[Row]:
        known = {video.video_id: video for video in videos}
        lost = [
            f"{one}: {known[one].status if one in known else 'unknown'}"
            for one, etag in self._good.items()
            if one not in known or not _is_right(known[one], etag)
        ]
        untrue = [one for one in self._bad if one not in known or not _is_rejected(known[one])]
        doubled = [place for place, ids in self._copies.succeeded().items() if len(ids) > 1]
        made = sum(self._here.made().values())
        folders = [one.name for one in (self._folder / "scratch").iterdir()]
        for one in (*lost, *untrue, *map(str, doubled), *folders):
            log(f"wrong: {one}")
        rows: list[Row] = [
            ("jobs", "", f"{self._jobs} in {seconds:.0f} s", True),
            ("  with messages again", "", f"{self._repeated} messages", True),
            ("  of two revisions, the later first", "", str(self._disordered), True),
            ("  damaged", "", str(len(self._bad)), True),
            ("processes killed", "", str(self._killed.total()), True),
            ("results published", "", str(made), True),
            ("good jobs lost", "0", str(len(lost)), not lost),
            ("damaged jobs not rejected", "0", str(len(untrue)), not untrue),
            ("results announced twice", "0", str(len(doubled)), not doubled),
            ("messages left", "0", str(self._messages()), not self._messages()),
            ("tools left", "0", str(len(self._tools())), not self._tools()),
            ("work folders left", "0", str(len(folders)), not folders),
        ]
        return rows + [self._memory_row(name) for name in self._memory]

    def _memory_row(self, name: str) -> Row:
        """Return the row of a process's memory, from a fifth of the jobs to the end."""
        found = self._memory[name]
        start = [rss for ended, rss in found if ended >= self._jobs / 5][:5] or [found[0][1]]
        first, last = max(start), found[-1][1]
        seen = f"{first / 2**20:.0f} -> {last / 2**20:.0f} MB"
        if name == "server":  # it holds the library in memory
            per_job = (last - first) / max(1, self._jobs) / 1024
            return (f"memory of the {name}", "", f"{seen}, {per_job:.0f} kB a job", True)
        return (f"memory of the {name}", "+5 %", seen, last <= first * _GROWTH)


def _part(share: float, jobs: int) -> int:
    return max(1, round(share * jobs))


def _is_right(video: Video, etag: str) -> bool:
    upload: Any = video.upload
    return video.status in _GOOD and upload.etag == etag


def _is_rejected(video: Video) -> bool:
    errors = [run.error for run in video.stages.values()]
    classes = {error.failure_class for error in errors if error}
    return video.status == "failed" and classes == {"bad_input"}


if __name__ == "__main__":
    main()
