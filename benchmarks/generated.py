"""A DynamoDB with any number of processed videos, generated on demand.

It replaces the network below boto3. Each item is generated on request, from its number and from the
items of a processed video (``video.json``). Only written items are stored: the replay's own item.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from pipeline.aws.catalog.table import _item, iso
from pipeline.core.events import Upload
from pipeline.core.fingerprint import fingerprint
from pipeline.core.planner import Intent, Planner
from pipeline.core.settings import Settings
from pipeline.stages import loading

_RECORD = Path(__file__).with_name("video.json")
_FIRST = datetime(2024, 1, 1, tzinfo=UTC)
_APART = timedelta(seconds=60)
_PAGE_BYTES = 1 << 20  # DynamoDB's limit on a page, whatever is projected

CONFIDENCE = 0.4
"""The new setting: every tenth video has a current result with it, every 50th a stored one."""


class GeneratedVideos:
    """A fake of the requests that planning makes; ``Scan`` is not supported.

    Conditional writes always succeed: there is one driver.

    Args:
        count: number of videos.
        settings: of the stages' results.

    Attributes:
        calls: number of requests of each operation.
        read: number of items requested by key.
        cpu_seconds: of all answers, not of the planner.
        boto3_cpu_seconds: of boto3, for writing requests and reading answers.
    """

    def __init__(self, count: int, settings: Settings) -> None:
        self.calls: Counter[str] = Counter()
        self.read = 0
        self.cpu_seconds = 0.0
        self.boto3_cpu_seconds = 0.0
        self._count = count
        self._written: dict[tuple[str, str], dict[str, Any]] = {}
        record = json.loads(_RECORD.read_text())
        self._upload = Upload.model_validate(record["video"]["upload"])
        self._intents: dict[str, Intent] = {}
        for stage in settings.topology.stages:
            planner = Planner(stage, loading.module(stage, settings), settings)
            self._intents[stage] = intent = planner.intend(self._upload, {}, {})
            result = record[f"stage#{stage}"]["result"]
            result["params"] = intent.params.model_dump(mode="json")
            result["identity"], result["version"] = intent.identity, intent.version
        self._record = {sk: _typed(_item(item))["M"] for sk, item in record.items()}
        self._fingerprints = {
            sk: item["result"]["fingerprint"] for sk, item in record.items() if "result" in item
        }
        # Of an index, which holds keys alone.
        index = settings.topology.table.indexes["uploads"]
        keys = {"pk", "sk", index.hash_key, index.range_key}
        self._page = _PAGE_BYTES // sum(
            len(name + value) for name, value in record["video"].items() if name in keys
        )
        self._template = cache(self._template)  # type: ignore[method-assign]

    def expected(self) -> dict[str, int]:
        """Return the expected plan of detect with the new confidence."""
        current, reuse = len(range(0, self._count, 10)), len(range(5, self._count, 50))
        return {"current": current, "reuse": reuse, "run": self._count - current - reuse}

    def attach(self, client: Any) -> None:
        """Replace the network below a boto3 client, and measure boto3's CPU time."""

        def begin(**_: Any) -> None:
            self.boto3_cpu_seconds -= time.process_time() - self.cpu_seconds

        def end(**_: Any) -> None:
            self.boto3_cpu_seconds += time.process_time() - self.cpu_seconds

        hooks = client.meta.events
        hooks.register_first("provide-client-params.dynamodb", begin)
        hooks.register("before-send.dynamodb", self._answer)
        hooks.register_last("after-call.dynamodb", end)

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        begun = time.process_time()
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        self.calls[operation] += 1
        body = getattr(self, f"_{operation}")(json.loads(request.body))
        self.cpu_seconds += time.process_time() - begun
        return AWSResponse(request.url, 200, {}, _Body(body.encode()))

    # -- operations ------------------------------------------------------------------------------

    def _GetItem(self, request: dict[str, Any]) -> str:  # noqa: N802 - DynamoDB's name
        key = _key(request["Key"])
        if key == ("#months", "#months"):
            return json.dumps({"Item": {"months": {"SS": list(self._months())}}})
        item = self._written.get(key)
        return json.dumps({} if item is None else {"Item": item})

    def _BatchGetItem(self, request: dict[str, Any]) -> str:  # noqa: N802 - DynamoDB's name
        [(table, wanted)] = request["RequestItems"].items()
        only = _projection(wanted)
        keys = [_key(key) for key in wanted["Keys"]]
        self.read += len(keys)
        found = (self._json(int(pk, 16), sk, only) for pk, sk in keys)
        items = ",".join(filter(None, found))
        return f'{{"Responses":{{"{table}":[{items}]}},"UnprocessedKeys":{{}}}}'

    def _Query(self, request: dict[str, Any]) -> str:  # noqa: N802 - DynamoDB's name
        if request.get("IndexName") != "uploads":
            return '{"Items":[]}'  # no run time was ever recorded
        month, *before = [value["S"] for value in request["ExpressionAttributeValues"].values()]
        if start := request.get("ExclusiveStartKey"):
            before = [start["uploaded_order"]["S"]]
        numbers = self._numbers(month, before[0] if before else None)
        page = numbers[: self._page]
        only = _projection(request)
        items = ",".join(self._json(number, "video", only) for number in page)
        last = ""
        if len(page) < len(numbers):
            last = f',"LastEvaluatedKey":{{"uploaded_order":{{"S":"{_place(page[-1])}"}}}}'
        return f'{{"Items":[{items}]{last}}}'

    def _PutItem(self, request: dict[str, Any]) -> str:  # noqa: N802 - DynamoDB's name
        self._written[_key(request["Item"])] = request["Item"]
        return "{}"

    def _UpdateItem(self, request: dict[str, Any]) -> str:  # noqa: N802 - DynamoDB's name
        item = self._written[_key(request["Key"])]
        names, values = (request[f"ExpressionAttribute{what}"] for what in ("Names", "Values"))
        assignments, _, removed = request["UpdateExpression"].partition(" REMOVE ")
        for assignment in assignments.removeprefix("SET ").split(", "):
            name, _, value = assignment.partition(" = ")
            item[names[name]] = values[value]
        for name in filter(None, removed.split(", ")):
            item.pop(names[name], None)
        return "{}"

    # -- items -----------------------------------------------------------------------------------

    def _json(self, number: int, sk: str, only: tuple[str, ...]) -> str:
        """Return an item as JSON; empty if there is none."""
        video_id = _video_id(number)
        kind, _, stage = sk.partition("#")
        if kind == "result":
            stored = number % 50 == 5 and stage.startswith("detect#")  # noqa: PLR2004 - see above
            return json.dumps({"pk": {"S": video_id}, "sk": {"S": sk}}) if stored else ""
        upload = self._upload.model_copy(update={"etag": f"{number:032x}"})
        text = self._template(sk, only).replace(self._upload.video_id, video_id)
        text = text.replace(self._upload.etag, upload.etag)
        if kind == "video":
            text = text.replace(self._upload.name, f"{number}.mp4")
            text = text.replace(iso(self._upload.time), iso(_moment(number)))
            return text.replace(f"{self._upload.time:%FT%TZ}", f"{_moment(number):%FT%TZ}")
        params = self._intents[stage].params.model_dump(mode="json")
        if stage == "detect" and number % 10 == 0:
            text = text.replace(
                '"confidence": {"N": "0.25"}', f'"confidence": {{"N": "{CONFIDENCE}"}}'
            )
            params["confidence"] = CONFIDENCE
        return text.replace(self._fingerprints[sk], self._fingerprint(upload, stage, params))

    def _fingerprint(self, upload: Upload, stage: str, params: dict[str, Any]) -> str:
        intent = self._intents[stage]
        return fingerprint(
            content_id=upload.content_id,
            stage=stage,
            version=intent.version,
            params=params,
            identity=intent.identity,
        )

    def _template(self, sk: str, only: tuple[str, ...]) -> str:
        """Return the recorded item, or its projection."""
        item = self._record[sk]
        return json.dumps(_projected(item, [path.split(".") for path in only]) if only else item)

    def _months(self) -> Iterator[str]:
        month = _FIRST
        while month <= _moment(self._count - 1):
            yield f"{month:%Y-%m}"
            month = _next(month)

    def _numbers(self, month: str, before: str | None) -> range:
        """Return the numbers of a month's videos, newest first."""
        first = datetime.strptime(f"{month}-01+0000", "%Y-%m-%d%z")
        end = _next(first)
        if before:
            end = min(end, datetime.fromisoformat(before.partition("#")[0]))
        low, high = (-(-(moment - _FIRST) // _APART) for moment in (first, end))
        return range(min(high, self._count) - 1, max(low, 0) - 1, -1)


class _Body(BytesIO):
    """A response's body as botocore reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _typed(value: Any) -> dict[str, Any]:
    return dict(TypeSerializer().serialize(value))


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _projection(request: dict[str, Any]) -> tuple[str, ...]:
    """Return the paths of the projected attributes; empty for all."""
    names = request.get("ExpressionAttributeNames", {})
    paths = [path for path in request.get("ProjectionExpression", "").split(", ") if path]
    return tuple(".".join(names.get(part, part) for part in path.split(".")) for path in paths)


def _projected(item: dict[str, Any], paths: list[list[str]]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, *rest in paths:
        if name not in item:
            continue
        if rest:
            inner = kept.setdefault(name, {"M": {}})["M"]
            inner |= _projected(item[name]["M"], [rest])
        else:
            kept[name] = item[name]
    return kept


def _next(month: datetime) -> datetime:
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1)


def _moment(number: int) -> datetime:
    return _FIRST + _APART * number


def _video_id(number: int) -> str:
    return f"{number:020x}"


def _place(number: int) -> str:
    return f"{iso(_moment(number))}#{_video_id(number)}"
