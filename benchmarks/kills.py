"""SIGKILL of the embedded AWS at random moments under load: nothing acknowledged may be missing.

    python -m benchmarks.kills [--kills 200] [--seed 1] [--power]

Clients upload objects (small, large, in parts), write records and count in one, and send, receive
and delete messages. Each server is a copy of this process, which has imported all that it needs. At
the end all that was acknowledged is looked for. With ``--power`` each kill is a power cut: files
lose what was not synced. Prints JSON; exits with 1 if anything is missing.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto.moto_api._internal import mock_random

from benchmarks import power
from pipeline.core.parent_death import tie
from pipeline.hosts.local import server, store

_KEYS = {"aws_access_key_id": "kills", "aws_secret_access_key": "kills-only"}
_ONCE = Config(
    signature_version="s3v4",
    retries={"total_max_attempts": 1},
    connect_timeout=5,
    read_timeout=30,
    region_name="us-east-1",
)
_LARGE = 100_000
_BUCKET, _TABLE, _QUEUE, _EVENTS = "uploads", "records", "work", "events"


def main() -> None:
    """Kill, look, and print; exit with 1 if anything is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--power", action="store_true", help="cut the power at each kill")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        _serve(args.serve, power_cuts=args.power)
        return
    with tempfile.TemporaryDirectory() as folder:
        figures = run(Path(folder) / "aws", args.kills, args.seed, power_cuts=args.power)
    print(json.dumps(figures, indent=1))
    sys.exit(any(figures["missing"].values()))


def run(folder: Path, kills: int, seed: int, *, power_cuts: bool = False) -> dict[str, Any]:
    """Kill the embedded AWS in ``folder`` that often, and return what is missing."""
    rng = random.Random(seed)  # noqa: S311 - no secret depends on it
    with closing(_Servers(folder, power_cuts=power_cuts)) as servers, ThreadPoolExecutor() as crowd:
        started = servers.start()
        clients = _Clients(started["endpoint"])
        clients.prepare()
        kinds = (clients.upload, clients.upload, clients.record, clients.count, clients.send)
        work = [crowd.submit(clients.repeat, kind) for kind in kinds]
        try:
            for _ in range(kills):
                clients.await_more(rng.randint(1, 20))
                time.sleep(rng.uniform(0, 0.05))
                os.kill(started["pid"], signal.SIGKILL)
                started = servers.start(clients.port)
        finally:
            clients.ending.set()
        for one in work:
            one.result()
        return {"kills": kills, "acknowledged": dict(clients.done), "missing": clients.missing()}


class _Servers:
    """A process that has imported all that the embedded AWS needs, and starts copies of itself."""

    def __init__(self, folder: Path, *, power_cuts: bool) -> None:
        environment = os.environ | {name.upper(): value for name, value in _KEYS.items()}
        self._process = subprocess.Popen(  # noqa: S603 - our own
            [
                *(sys.executable, "-m", __spec__.name, "--serve", str(folder)),
                *(["--power"] if power_cuts else []),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def start(self, port: int = 0) -> dict[str, Any]:
        """Start a server; return its process id as ``pid``, and what it announces."""
        pipes = self._process
        pipes.stdin.write(f"{port}\n")  # type: ignore[union-attr]
        pipes.stdin.flush()  # type: ignore[union-attr]
        pid = int(pipes.stdout.readline())  # type: ignore[union-attr]
        said = json.loads(pipes.stdout.readline())  # type: ignore[union-attr]
        if "error" in said:
            raise RuntimeError(f"The embedded AWS did not start: {said['error']}")
        return {"pid": pid} | said

    def close(self) -> None:
        """End it, and the last server."""
        with self._process:
            self._process.stdin.close()  # type: ignore[union-attr]


def _serve(folder: Path, *, power_cuts: bool) -> None:
    """Start a server for each line of the input, after the end of the last one."""
    pid, parent, syncs = 0, os.getpid(), folder.with_suffix(".syncs")
    # Snapshots are so frequent that kills hit them, too.
    server._LOOK_S, store._JOURNAL_BYTES = 0.05, 20_000  # noqa: SLF001
    for port in sys.stdin:
        if pid:
            os.waitpid(pid, 0)
            if power_cuts:
                power.cut(folder, syncs)
        pid = os.fork()
        if pid == 0:
            tie(parent)
            if power_cuts:
                power.watch(syncs)
            mock_random.seed()  # or each copy would make the same ids
            print(os.getpid(), flush=True)
            try:
                server.main(folder, int(port))
            except Exception as error:  # noqa: BLE001 - whatever it is, the parent waits for it
                print(json.dumps({"error": repr(error)}), flush=True)
            os._exit(0)


class _Clients:
    """Clients of the embedded AWS, and what it acknowledged to them."""

    def __init__(self, endpoint: str) -> None:
        self.ending = threading.Event()
        self.done: Counter[str] = Counter()
        self._objects: dict[str, int] = {}
        self._records: list[str] = []
        self._counted = self._tried = 0
        self._messages: dict[str, str] = {}
        self._deleted: set[str] = set()
        self._doubtful: set[str] = set()
        self.forgotten = 0
        self._numbers = iter(range(10**9))
        self.port = urlsplit(endpoint).port or 0
        make = boto3.Session(**_KEYS).client
        self._sqs, self._ddb, self._events, self._s3 = (
            make(name, endpoint_url=endpoint, config=_ONCE)
            for name in ("sqs", "dynamodb", "events", "s3")
        )

    def await_more(self, count: int) -> None:
        """Wait until this many more requests were acknowledged."""
        enough = self.done.total() + count
        while self.done.total() < enough:
            time.sleep(0.001)

    def prepare(self) -> None:
        """Make a bucket whose events go to a queue, another queue, and a table."""
        self._s3.create_bucket(Bucket=_BUCKET)
        self._s3.put_bucket_notification_configuration(
            Bucket=_BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        for name in (_QUEUE, _EVENTS):
            self._sqs.create_queue(QueueName=name)
        arn = self._sqs.get_queue_attributes(
            QueueUrl=self._url(_EVENTS), AttributeNames=["QueueArn"]
        )["Attributes"]["QueueArn"]
        self._events.put_rule(Name="all", EventPattern=json.dumps({"source": ["aws.s3"]}))
        self._events.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": arn}])
        self._ddb.create_table(
            TableName=_TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )

    def repeat(self, what: Callable[[], None]) -> None:
        """Do something again and again, also if the server is killed meanwhile."""
        while not self.ending.is_set():
            try:
                what()
            except (BotoCoreError, ClientError, KeyError):  # an answer may be cut off
                time.sleep(0.02)

    def upload(self) -> None:
        """Upload an object, now and then a large one or one in parts."""
        number = next(self._numbers)
        key, size = f"videos/{number}", number % 3000 + _LARGE * (number % 5 == 0)
        body = _body(key, size)
        if number % 7:
            self._s3.put_object(Bucket=_BUCKET, Key=key, Body=body)
        else:
            where = {"Bucket": _BUCKET, "Key": key}
            where["UploadId"] = self._s3.create_multipart_upload(**where)["UploadId"]
            part = self._s3.upload_part(**where, PartNumber=1, Body=body)
            parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
            self._s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
        self._objects[key] = size
        self.done["objects"] += 1

    def record(self) -> None:
        """Write a record that must not exist yet."""
        key = str(next(self._numbers))
        item = {"pk": {"S": key}, "text": {"S": key * 20}}
        condition = "attribute_not_exists(pk)"
        self._ddb.put_item(TableName=_TABLE, Item=item, ConditionExpression=condition)
        self._records.append(key)
        self.done["records"] += 1

    def count(self) -> None:
        """Add one to a number."""
        self._tried += 1
        self._ddb.update_item(
            TableName=_TABLE,
            Key={"pk": {"S": "count"}},
            UpdateExpression="ADD n :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
        self._counted += 1
        self.done["additions"] += 1

    def send(self) -> None:
        """Send a message; now and then receive one and delete it."""
        url, body = self._url(_QUEUE), str(next(self._numbers))
        self._messages[self._sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"]] = body
        self.done["messages"] += 1
        if int(body) % 3 == 0:
            found = self._sqs.receive_message(QueueUrl=url, VisibilityTimeout=1)
            for message in found.get("Messages", []):
                self._delete(url, message)

    def _delete(self, url: str, message: dict[str, str]) -> None:
        """Delete a message by its receipt handle, which has to be good for the next server, too."""
        number = message["MessageId"]
        self._doubtful.add(number)
        while not self.ending.is_set():
            try:
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            except BotoCoreError:
                time.sleep(0.02)
            except ClientError:
                self.forgotten += 1
                return
            else:
                self._doubtful.discard(number)
                self._deleted.add(number)
                self.done["deletions"] += 1
                return

    def missing(self) -> dict[str, int]:
        """Return how much of each kind is missing, or is there after its deletion."""
        events = {
            json.loads(body)["detail"]["object"]["key"] for body in self._drained(_EVENTS).values()
        }
        messages = self._drained(_QUEUE)
        kept = {n: b for n, b in self._messages.items() if n not in self._deleted | self._doubtful}
        counted = self._ddb.get_item(TableName=_TABLE, Key={"pk": {"S": "count"}})
        number = int(counted.get("Item", {"n": {"N": "0"}})["n"]["N"])
        return {
            "objects": sum(not self._has(key, size) for key, size in self._objects.items()),
            "events of objects": len(self._objects.keys() - events),
            "records": sum(not self._has_record(key) for key in self._records),
            "additions": not self._counted <= number <= self._tried,
            "messages": sum(messages.get(number) != body for number, body in kept.items()),
            "deletions": len(messages.keys() & self._deleted),
            "receipt handles": self.forgotten,
        }

    def _has(self, key: str, size: int) -> bool:
        try:
            found = self._s3.get_object(Bucket=_BUCKET, Key=key)["Body"].read()
        except ClientError:
            return False
        return bool(found == _body(key, size))

    def _has_record(self, key: str) -> bool:
        return "Item" in self._ddb.get_item(TableName=_TABLE, Key={"pk": {"S": key}})

    def _drained(self, queue: str) -> dict[str, str]:
        """Return all messages of a queue, also those in flight, by their ids."""
        url, found = self._url(queue), {}
        time.sleep(1.1)  # the longest visibility timeout
        while messages := self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            found |= {message["MessageId"]: message["Body"] for message in messages}
        return found

    def _url(self, queue: str) -> str:
        return str(self._sqs.get_queue_url(QueueName=queue)["QueueUrl"])


def _body(key: str, size: int) -> bytes:
    return (key.encode() * (size // len(key) + 1))[:size]


if __name__ == "__main__":
    main()
