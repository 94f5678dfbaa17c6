"""Settings, logs, metrics and traces of a process."""

import logging
import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_settings import SettingsError

from pipeline.core import setting_names
from pipeline.core.errors import InvalidSettings
from pipeline.core.settings import Settings
from pipeline.telemetry import function as telemetry
from pipeline.telemetry.tracing import Handler

if TYPE_CHECKING:
    pass


log = logging.getLogger(__name__)


@cache
def settings() -> Settings:
    """Return this process's settings.

    Raises:
        InvalidSettings: ``bad_settings``: a variable or the topology is wrong.
    """
    try:
        found = Settings()
        _ = found.topology
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InvalidSettings("bad_settings", f"{error.title} are wrong. {wrong}.") from error
    except (OSError, SettingsError) as error:
        raise InvalidSettings("bad_settings", f"Settings are wrong: {error}.") from error
    return found


def set_up_telemetry(service: str) -> None:
    """Set up logs and metrics of a process for its host, by its name, for example ``worker``."""
    telemetry.set_up(service, settings())
    for sentence in setting_names.mistyped(os.environ):
        log.warning("%s", sentence)


def observed(function: str) -> Callable[[Handler], Handler]:
    """Return the decorator that sets up logs, metrics and traces of a handler for its host."""
    return telemetry.observed(function, settings())
