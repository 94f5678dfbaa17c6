"""The server of pushed events, without a client."""

import asyncio
import json

from starlette.requests import Request

from pipeline.core.settings import Settings
from pipeline.hosts.worker.functions import Function
from pipeline.hosts.worker.jobs import Jobs
from pipeline.hosts.worker.server import PushHost


def test_an_event_that_is_cut_off_is_the_senders_error():
    async def receive():
        return {"type": "http.disconnect"}

    host = PushHost(Settings(), Jobs(Settings(), Function("detect", "no.handler", 1, 1)))
    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    answer = asyncio.run(host._post(request))
    assert (answer.status_code, json.loads(answer.body)["code"]) == (400, "cut_off")
