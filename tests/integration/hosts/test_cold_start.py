"""The imports of handlers before their first event."""

import json
import os
import subprocess
import sys

import pytest

_HEAVY = {
    *("torch", "whisper", "ultralytics", "ctranslate2", "cv2", "PIL", "numpy", "ffmpeg", "lap"),
    "onnxruntime",
    *("moto", "typer", "rich", "uvicorn", "awslambdaric", "prometheus_client"),
    *("aws_xray_sdk", "opentelemetry.sdk", "opentelemetry.exporter"),
}
# Each function needs modules of its own.
_OTHERS = {
    "query": {
        "pipeline.runs.runner",
        "pipeline.replays.driver",
        "pipeline.runs.janitor",
        "rapidfuzz",
    },
    "stage": {"fastapi", "mangum", "pipeline.replays.driver", "pipeline.runs.janitor"},
    "janitor": {"fastapi", "mangum"},
    "replays": {"fastapi", "mangum"},
}
_IMPORT = """
import gc, json, sys
import handlers.{0}
print(json.dumps([gc.isenabled(), gc.get_freeze_count(), sorted(sys.modules)]))
"""


_LAMBDA = {
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
    "VIDEODROP_TELEMETRY": "aws",
    "VIDEODROP_STAGE": "detect",
}


def _imported(handler: str, **environment: str) -> tuple[bool, int, set[str]]:
    """Return the state of garbage collection, the frozen objects and the imported modules."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT.format(handler)],
        env=os.environ | _LAMBDA | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    collects, frozen, modules = json.loads(done.stdout.splitlines()[-1])  # logs come first
    return collects, frozen, set(modules)


@pytest.mark.parametrize("handler", _OTHERS)
def test_a_handler_imports_only_the_modules_that_it_needs(handler: str):
    collects, frozen, modules = _imported(handler)
    assert (_HEAVY | _OTHERS[handler]) & modules == set()
    assert collects, "garbage is never collected"
    assert frozen > 10_000, "every collection looks through all that was imported"


def test_a_provisioned_execution_loads_its_model_before_the_first_event():
    _, _, modules = _imported(
        "stage",
        AWS_LAMBDA_INITIALIZATION_TYPE="provisioned-concurrency",
        VIDEODROP_PARAMS__DETECT__MODEL="yolo-shapes",
    )
    assert "onnxruntime" in modules
    assert "torch" not in modules


def test_with_a_collector_the_sdk_is_imported_before_the_first_event():
    _, _, modules = _imported("query", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert {"opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http"} <= modules
