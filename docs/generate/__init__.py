"""The reference pages, generated from the code: ``make docs`` writes them."""

from collections.abc import Callable

from docs.generate import errors

PAGES: dict[str, Callable[[], str]] = {"errors": errors.page}
