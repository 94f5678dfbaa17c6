"""A large file by the API's own address: CPU time and memory beside S3's own answer.

    python -m benchmarks.relay [--gigabytes 1] [--rounds 3]

The embedded AWS sends the file itself, or the API hands the request on to it. CPU time is that of
all processes that serve, so noise of the machine hardly affects it. Prints JSON; exits with 1 if
the API takes more than two seconds of CPU for a gigabyte, or its memory grows by 32 MB.
"""

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from pipeline.aws import clients as aws
from pipeline.aws.relayed import relayed

_MOST_CPU_S, _MOST_MB = 2.0, 32
_KEY, _BYTES = "artifacts/film.mp4", 1_000_000_000
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark-only",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "VIDEODROP_RELAY": "true",
}


def main() -> None:
    """Measure and print; exit with 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    os.environ.update(_ENVIRONMENT)
    with tempfile.TemporaryDirectory() as folder, _store(Path(folder)) as (store, endpoint):
        os.environ["AWS_ENDPOINT_URL"] = endpoint
        url = _published(Path(folder), round(args.gigabytes * _BYTES))
        with _api() as (api, address):
            ways = {"direct": ([store], url), "relayed": ([store, api], address + relayed(url))}
            cpu_s: dict[str, list[float]] = {name: [] for name in ways}
            _read(ways["relayed"][1])  # the first round warms up
            before = api.memory_info().rss
            for _ in range(args.rounds):
                for name, (processes, one) in ways.items():
                    start = sum(_cpu_s(process) for process in processes)
                    _read(one)
                    used = sum(_cpu_s(process) for process in processes) - start
                    cpu_s[name].append(used / args.gigabytes)
            grown_mb = (api.memory_info().rss - before) / 1e6
    seconds = {name: round(statistics.median(found), 2) for name, found in cpu_s.items()}
    figures = {
        "cpu_s_per_gb": seconds,
        "ratio": round(seconds["relayed"] / seconds["direct"], 2),
        "grown_mb": round(grown_mb, 1),
        "bars": {"cpu_s_per_gb": _MOST_CPU_S, "grown_mb": _MOST_MB},
    }
    print(json.dumps(figures, indent=1))
    sys.exit(seconds["relayed"] > _MOST_CPU_S or grown_mb > _MOST_MB)


@contextmanager
def _store(folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    command = [sys.executable, "-m", "pipeline.hosts.local.server", str(folder / "aws"), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:  # noqa: S603 - our own
        assert server.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            yield psutil.Process(server.pid), json.loads(server.stdout.readline())["endpoint"]
        finally:
            server.terminate()


@contextmanager
def _api() -> Iterator[tuple[psutil.Process, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "pipeline.api.server", "127.0.0.1", str(port)]
    with subprocess.Popen(command) as server:  # noqa: S603 - our own
        try:
            end = time.monotonic() + 60
            while time.monotonic() < end:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield psutil.Process(server.pid), f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _published(folder: Path, size: int) -> str:
    """Store a file of ``size`` bytes as an artifact, and return its presigned URL."""
    file = folder / "film"
    with file.open("wb") as writing:
        writing.truncate(size)
    s3, bucket = aws.client("s3"), "videodrop-artifacts"
    s3.create_bucket(Bucket=bucket)
    s3.upload_file(str(file), bucket, _KEY)
    file.unlink()
    given = {"Bucket": bucket, "Key": _KEY}
    return str(s3.generate_presigned_url("get_object", Params=given))


def _read(url: str) -> None:
    """Read a file and drop it."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    buffer = bytearray(1 << 20)
    while answer.readinto(buffer):
        pass
    connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise SystemExit(f"status {answer.status}")


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main()
