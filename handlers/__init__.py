"""Lambda handlers: wiring only. ``bootstrap.observed`` ends the cold start that begins here."""

from pipeline.telemetry import cold_start

cold_start.begin()
