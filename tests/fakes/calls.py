"""A count of the AWS calls that this process makes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.client import BaseClient


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count calls by operation, over all clients."""
    calls: Counter[str] = Counter()
    call = BaseClient._make_api_call

    def count(client: BaseClient, operation: str, request: Any) -> Any:
        calls[operation] += 1
        return call(client, operation, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", count)
        yield calls
