"""The preparation of an installation."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from pipeline.aws import provision
from pipeline.core.errors import DependencyFailed, Unreachable
from pipeline.core.settings import Settings
from pipeline.hosts import prepare


@pytest.fixture
def answers(monkeypatch):
    """Have ``ensure`` raise or return these, one a call."""
    slept = []
    monkeypatch.setattr(prepare.time, "sleep", slept.append)

    def of(*given):
        left = list(given)

        def ensure(_settings):
            if isinstance(one := left.pop(0), Exception):
                raise one
            return one

        monkeypatch.setattr(provision, "ensure", ensure)
        return left, slept

    return of


AWAY = EndpointConnectionError(endpoint_url="http://aws:4599")
REJECTED = ClientError({"Error": {"Code": "AccessDenied"}}, "CreateBucket")


def test_an_endpoint_that_is_starting_is_waited_for(answers):
    left, slept = answers(AWAY, AWAY, ["bucket videodrop-uploads"])
    prepare.main(Settings())
    assert (left, slept) == ([], [1, 1])


def test_an_endpoint_that_never_answers_is_an_error(answers):
    answers(AWAY)
    with pytest.raises(Unreachable):
        prepare.main(Settings(), wait_s=-1)


def test_a_rejected_request_is_an_error_at_once(answers):
    answers(REJECTED)
    with pytest.raises(DependencyFailed, match="AccessDenied"):
        prepare.main(Settings())
