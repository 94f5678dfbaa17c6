"""The CPU time of the query handler's cold start, compared with its libraries.

    python -m benchmarks.cold_start [--rounds 11]

New interpreters alternate. One imports FastAPI, Mangum and boto3 and makes the handler's clients;
the other imports the handler as Lambda does, which includes them. The unit is CPU seconds, which
other load on the machine does not affect. Prints JSON; exits with 1 if the ratio of the medians is
above the bar.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

BAR = 1.25

_BASE = """
import boto3, fastapi, mangum
boto3.client("s3"), boto3.client("events"), boto3.resource("dynamodb")
"""
_HANDLER = "import handlers.query"
_REPORT = """
import resource as _resource
_used = _resource.getrusage(_resource.RUSAGE_SELF)
print(_used.ru_utime + _used.ru_stime)
"""


def main() -> int:
    """Measure and print; exit with 1 if the bar is missed."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=11, help="interpreters of each kind")
    rounds = arguments.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        # As on Lambda: installed packages are compiled.
        environment = _environment(folder)
        measured: dict[str, list[float]] = {_BASE: [], _HANDLER: []}
        for turn in range(rounds + 1):
            for code, seconds in measured.items():
                taken = _cpu_seconds(code, environment)
                if turn > 0:  # the first only compiles
                    seconds.append(taken)
            sys.stderr.write(f"\r{turn} of {rounds}")
        sys.stderr.write("\n")
    base, handler = (statistics.median(seconds) for seconds in measured.values())
    ratio = handler / base
    report = {
        "base_cpu_s": round(base, 3),
        "handler_cpu_s": round(handler, 3),
        "ratio": round(ratio, 3),
        "bar": BAR,
        "rounds": rounds,
    }
    print(json.dumps(report, indent=2))
    return int(ratio > BAR)


def _environment(folder: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "VIDEODROP_")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    return kept | {
        "PYTHONPYCACHEPREFIX": folder,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
        "VIDEODROP_TELEMETRY": "aws",
    }


def _cpu_seconds(code: str, environment: dict[str, str]) -> float:
    done = subprocess.run(  # noqa: S603 - our own interpreter and the code above
        [sys.executable, "-c", code + _REPORT],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
