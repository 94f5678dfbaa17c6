"""Lambda handlers: wiring only. ``bootstrap.observed``, around each, ends what begins here."""

from pipeline import cold_start

cold_start.begin()
