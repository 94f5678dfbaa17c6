"""Webhooks are registered up to a number."""

from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.core.errors import LimitExceeded
from pipeline.results.outgoing.registration import MOST, Registration


def test_no_more_than_so_many_webhooks_are_registered():
    kept: list[Any] = []
    catalog: Any = SimpleNamespace(
        webhooks=SimpleNamespace(all=lambda: kept, add=kept.append), events=None
    )
    deliverer: Any = SimpleNamespace(private=False)
    webhooks = Registration(catalog, deliverer)
    for number in range(MOST):
        webhooks.add(f"https://example.com/{number}", [])
    with pytest.raises(LimitExceeded, match="remove one first") as refused:
        webhooks.add("https://example.com/more", [])
    assert refused.value.code == "too_many_webhooks"
    assert len(kept) == MOST
