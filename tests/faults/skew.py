"""A wrong clock: what our modules read as the time of day is shifted in this process."""

import sys
import time
from datetime import datetime, timedelta, tzinfo
from types import SimpleNamespace


def shift(seconds: float) -> None:
    """Shift the clock of all modules of the pipeline that are loaded."""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=seconds)

    shifted = SimpleNamespace(**vars(time))
    shifted.time = lambda: time.time() + seconds
    for name, module in list(sys.modules.items()):
        if name.startswith("pipeline."):
            if getattr(module, "datetime", None) is datetime:
                module.datetime = Shifted  # type: ignore[attr-defined]
            if getattr(module, "time", None) is time:
                module.time = shifted  # type: ignore[attr-defined]
