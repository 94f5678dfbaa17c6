"""The replays of the unit tests, for tests that take longer."""

from tests.unit.replays.conftest import house

__all__ = ["house"]
