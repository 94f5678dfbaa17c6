"""The reference pages, generated from the code: ``make docs`` writes them."""

from collections.abc import Callable

from docs.generate import api, cli, errors, events, faults, metrics, parameters, settings

PAGES: dict[str, Callable[[], str]] = {
    "api": api.page,
    "cli": cli.page,
    "errors": errors.page,
    "events": events.page,
    "faults": faults.page,
    "metrics": metrics.page,
    "parameters": parameters.page,
    "settings": settings.page,
}
