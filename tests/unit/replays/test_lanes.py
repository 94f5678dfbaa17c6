"""A lane is empty if no message of its queue waits, is with a worker, or is delayed."""

from typing import Any
from unittest.mock import MagicMock, Mock

import pytest

from pipeline.core.settings import Settings
from pipeline.replays.lanes import Lanes

KINDS = ("", "NotVisible", "Delayed")


@pytest.mark.parametrize("some", [*KINDS, None])
def test_a_message_anywhere_in_its_queue_counts(some: str | None):
    def counted(*, AttributeNames: list[str], **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's
        found = f"ApproximateNumberOfMessages{some}"
        return {"Attributes": {name: str(int(name == found)) for name in AttributeNames}}

    sqs = MagicMock(get_queue_attributes=counted)
    assert Lanes(Mock(), sqs, Settings()).is_empty("detect") is (some is None)
