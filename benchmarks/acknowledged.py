"""Small uploads to the embedded AWS: what it costs that each is on the disk before its answer.

    python -m benchmarks.acknowledged [--rounds 7] [--seconds 4] [--connections 8]

Both servers run beside each other and are measured in turn, in rounds. The alternative saves its
state every 4 s and loses what came after that. Addresses are signed beforehand, so that the clients
take little of the CPU. Prints JSON; exits with 1 if the median ratio is below 0.8.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

SERVERS = {
    "journal": "pipeline.hosts.local.server",
    "without": "benchmarks.alternatives.aws_without_journal",
}
_BAR = 0.8
_KEYS = 50
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark-only",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
}


def main() -> None:
    """Measure and print; exit with 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--connections", type=int, default=8, help="that upload at the same time")
    parser.add_argument("--bytes", type=int, default=2000, help="of an object")
    args = parser.parse_args()
    os.environ.update(_ENVIRONMENT)
    rates: dict[str, list[float]] = {name: [] for name in SERVERS}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as leaving:
        addresses = {
            name: leaving.enter_context(_serving(module, Path(folder) / name))
            for name, module in SERVERS.items()
        }
        urls = {name: _signed(address, args.connections) for name, address in addresses.items()}
        for number in range(args.rounds + 1):
            # The first round warms up; the order alternates.
            for name in sorted(SERVERS, reverse=bool(number % 2)):
                rate = _uploads(urls[name], bytes(args.bytes), args.seconds)
                if number:
                    rates[name].append(rate)
    ratios = [ours / other for ours, other in zip(*rates.values(), strict=True)]
    figures = {
        "uploads_per_s": {
            name: round(statistics.median(found), 1) for name, found in rates.items()
        },
        "ratios": [round(ratio, 2) for ratio in ratios],
        "ratio": round(statistics.median(ratios), 2),
        "bar": _BAR,
    }
    print(json.dumps(figures, indent=1))
    sys.exit(statistics.median(ratios) < _BAR)


@contextmanager
def _serving(module: str, folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", module, str(folder), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:  # noqa: S603 - our own
        try:
            yield json.loads(server.stdout.readline())["endpoint"]  # type: ignore[union-attr]
        finally:
            server.terminate()


def _signed(address: str, connections: int) -> list[list[str]]:
    """Return presigned addresses of uploads, for each connection its own."""
    s3 = boto3.client("s3", endpoint_url=address, config=Config(signature_version="s3v4"))
    s3.create_bucket(Bucket="uploads")
    return [
        [
            s3.generate_presigned_url("put_object", {"Bucket": "uploads", "Key": f"{one}/{key}"})
            for key in range(_KEYS)
        ]
        for one in range(connections)
    ]


def _uploads(urls: list[list[str]], body: bytes, seconds: float) -> float:
    """Return the uploads a second that all connections have together."""
    done = [0] * len(urls)
    begun = time.monotonic()

    def upload(which: int) -> None:
        server = http.client.HTTPConnection(urlsplit(urls[which][0]).netloc)
        while time.monotonic() - begun < seconds:
            url = urlsplit(urls[which][done[which] % _KEYS])
            server.request("PUT", f"{url.path}?{url.query}", body)
            answer = server.getresponse()
            answer.read()
            if answer.status != http.HTTPStatus.OK:
                raise RuntimeError(f"An upload was answered with {answer.status}.")
            done[which] += 1

    with ThreadPoolExecutor(len(urls)) as crowd:
        list(crowd.map(upload, range(len(urls))))
    return sum(done) / (time.monotonic() - begun)


if __name__ == "__main__":
    main()
