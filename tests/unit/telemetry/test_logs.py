"""The context's fields in log lines, in threads too."""

import logging

import pytest

from pipeline.telemetry import logs
from pipeline.telemetry.context import about, current


def test_text_lines_end_with_the_fields_of_the_context(capsys: pytest.CaptureFixture[str]):
    logs.readable()
    log = logging.getLogger("a.module")
    with about(correlation_id="e1", replay_id=None), about(stage="detect"):
        log.info("it %s", "works")
    log.info("done")
    logging.getLogger("botocore.credentials").info("chatter")
    within, after = capsys.readouterr().err.splitlines()
    assert within.endswith(" INFO a.module it works correlation_id=e1 stage=detect")
    assert after.endswith(" INFO a.module done")


def test_the_context_of_a_block_ends_with_it_also_by_an_error():
    with about(correlation_id="outer"):
        with pytest.raises(KeyError), about(correlation_id="inner", video_id="v"):
            raise KeyError
        assert current() == {"correlation_id": "outer"}
    assert current() == {}
