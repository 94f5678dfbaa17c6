"""The following of a replay by a command, with its messages and its exit code."""

import time
from collections.abc import Callable

import typer

from pipeline.cli import bars, exits, following, plans
from pipeline.cli.console import err, out, plain, print_json
from pipeline.replays import views
from pipeline.replays.records import Replay
from pipeline.replays.store import Replays


class Stay:
    """Following of a replay, with one timeout for its plan and its runs."""

    def __init__(self, replays: Replays, *, timeout_s: float, as_json: bool) -> None:
        self.replays = replays
        self.as_json = as_json
        self._end = time.monotonic() + timeout_s

    def until(self, there: Callable[[Replay], bool], replay: Replay) -> Replay:
        """Follow a replay with a bar."""
        with bars.ReplayBar(err, quiet=self.as_json) as bar:
            return following.until(
                there,
                replay.replay_id,
                self.replays,
                show=bar.show,
                warn=bar.warn,
                timeout_s=max(0, self._end - time.monotonic()),
            )

    def look(self, replay: Replay, said: str) -> None:
        """Print a message, or the replay as JSON, and exit with success."""
        if self.as_json:
            print_json(views.detail(replay, {}))
        else:
            err.print(said)

    def nothing_to_do(self, planned: Replay, *, dry_run: bool) -> None:
        """Report a plan without runs: nothing is to be done, or nothing could be planned."""
        if not dry_run:
            planned = self.replays.ask(planned.replay_id, "run")  # which ends it
        blocked = _blocked(planned)
        said = "Nothing to do." if planned.plan.videos else "No video matches."
        self.look(planned, f"{blocked:,} could not be planned: see above." if blocked else said)
        if blocked:
            raise typer.Exit(exits.FAILED)

    def end(self, replay: Replay) -> None:
        """Report its outcome, also by the exit code."""
        view = views.detail(replay, {})
        if self.as_json:
            print_json(view)
        else:
            if replay.reason:
                err.print(f"[yellow]{plain(replay.reason)}[/yellow]")
            plans.outcome(out, view)
        self.judge(replay)

    def judge(self, replay: Replay) -> None:
        """Exit with failure, unless everything selected is up to date now."""
        ended = views.detail(replay, {}).progress
        if replay.state != "finished" or ended.failed or ended.lost or _blocked(replay):
            raise typer.Exit(exits.FAILED)


def _blocked(replay: Replay) -> int:
    return sum(stage.verdicts.get("blocked", 0) for stage in replay.plan.stages.values())
