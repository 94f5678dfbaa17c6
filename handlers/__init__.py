"""Lambda handlers: wiring only. ``bootstrap.observed``, around each, ends what begins here."""

from pipeline.telemetry import cold_start

cold_start.begin()
