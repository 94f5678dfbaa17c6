"""The images' own install steps in an empty folder, and work on each kind of host.

pip installs the packages of the API's image. Those of the others are linked from this environment,
which pip made with the same constraints. The image with torch takes 7 GB:
`python -m containers.rehearsal gpu FOLDER` tries it.
"""

import hashlib
import json
import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from containers import rehearsal
from containers.rehearsal import Rehearsal
from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.core import events
from pipeline.hosts.worker.api import Invocation, RuntimeApi
from tests.fakes import aws_events, emf
from tests.fakes.distributions import link
from tests.fakes.ports import free_port

ROOT = Path(__file__).parents[3]
KEEPS = {"PYTHONDONTWRITEBYTECODE": ""}
_LINKED = {f"{extra}-packages" for extra in ("api", "media", "model", "local")}
# The package index of this machine, before the tests' environment drops it.
_PROXIES = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Make the images without torch, all at once; their models need no network."""
    folder = tmp_path_factory.mktemp("rehearsal")
    args = {"WEIGHTS": "whisper-shapes yolo-shapes"}
    targets = ("api", "media", "cpu", "local")
    made = {target: Rehearsal(target, folder / target, args) for target in targets}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NO_PROXY")
        patch.setenv("PIP_NO_COMPILE", "1")  # what is imported is compiled when it is, see below
        for name, value in _PROXIES.items():
            patch.setenv(name, value)
        patch.setattr(rehearsal, "execute", partial(executed, rehearsal.execute))
        with ThreadPoolExecutor() as threads:
            for done in [threads.submit(image.run) for image in made.values()]:
                done.result()
    return made


def executed(execute, stage, command, work, environment):
    """Execute a step, with links in place of what pip installs unless the image is the API's.

    Python keeps what it compiles.
    """
    environment = environment | KEEPS
    if stage not in {"packages", *_LINKED} or "api" in work.parts:
        execute(stage, command, work, environment)
    elif "-m venv" in command:
        execute(stage, f"{command} --without-pip", work, environment)
    else:
        (extras,) = re.findall(r"pip install .*\[(.*)\]", command)
        (packages,) = Path(environment["PATH"].split(":")[0]).parent.glob("lib/*/site-packages")
        link(extras, packages)


@pytest.fixture
def api(images):
    return images["api"]


@pytest.fixture
def media(images):
    return images["media"]


@pytest.fixture
def cpu(images):
    return images["cpu"]


@pytest.fixture
def start():
    """Return a function that starts an image's process, which ends after the test."""
    running = []

    def started(image, **host):
        passed = {k: v for k, v in os.environ.items() if k.startswith(("AWS_", "VIDEODROP_"))}
        # Only boto3 needs it, and many hosts set only the other one.
        del passed["AWS_DEFAULT_REGION"]
        env = image.environment() | KEEPS | passed | host
        running.append(psutil.Popen(image.command(), cwd=image.image, env=env))
        return env

    started.processes = running
    yield started
    for process in running:
        family = [process, *process.children(recursive=True)]
        process.terminate()
        psutil.wait_procs(family, 30)
        assert not any(one.is_running() for one in family)


def until(condition, timeout_s=180.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)


def is_well(image, env):
    """Return the result of HEALTHCHECK."""
    check = ["python", "-m", "pipeline.hosts.health"]
    return subprocess.run(check, cwd=image.image, env=env, check=False).returncode == 0


def installed(image):
    listing = (
        "from importlib.metadata import distributions as all;"
        "print(*(f'{one.name}=={one.version}' for one in all()))"
    )
    command = ["python", "-c", listing]
    env = image.environment()
    found = subprocess.check_output(command, cwd=image.image, env=env, text=True)
    return normalised(found)


def normalised(listing):
    """Return the pinned packages, by normalized name (PEP 503)."""
    return {re.sub("[-_.]+", "-", line).lower() for line in listing.split()}


@pytest.mark.parametrize("target", ["api", "media", "cpu", "local"])
def test_every_package_is_pinned_and_none_is_heavy(images, target):
    packages = installed(images[target])
    assert packages
    assert packages <= normalised((ROOT / "constraints.txt").read_text())
    assert not {name for name in packages if name.startswith(("torch", "nvidia", "ultralytics"))}
    assert any(name.startswith("numpy") for name in packages) == (target != "api")
    assert any(name.startswith("ctranslate2") for name in packages) == (target in {"cpu", "local"})
    assert any(name.startswith("moto") for name in packages) == (target == "local")


def test_the_api_serves_and_counts(api, start, stored, capfd):
    port = str(free_port())
    env = start(api, PORT=port, VIDEODROP_TELEMETRY="aws")
    until(lambda: is_well(api, env))
    answer = httpx.get(f"http://127.0.0.1:{port}/videos", timeout=30)
    assert (answer.status_code, answer.json()["videos"]) == (200, [])
    assert httpx.get(f"http://127.0.0.1:{port}/").text.startswith("<!doctype html>")
    found = emf.values(map(json.loads, capfd.readouterr().out.splitlines()), stored.name)
    assert len(found["http_request_duration_seconds", (("route", "/videos"),)]) == 1


def test_the_image_for_one_host_has_the_embedded_aws_and_prepares_it(images, tmp_path):
    image, port = images["local"], str(free_port())
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    env = image.environment() | KEEPS | keys | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    serve = ["python", "-m", "pipeline.hosts.local.server", tmp_path / "aws", port]
    with subprocess.Popen(serve, cwd=image.image, env=env, stdout=subprocess.DEVNULL) as server:
        try:
            prepare = [*image.command()[:-1], "prepare"]
            subprocess.run(prepare, cwd=image.image, env=env, check=True, timeout=120)
            command = ["python", "-m", "pipeline.cli", "ls", "--json"]
            listed = subprocess.check_output(command, cwd=image.image, env=env, text=True)
            assert json.loads(listed)["videos"] == []
        finally:
            server.terminate()


def test_a_pushed_event_makes_a_video_playable(media, start, stored, tmp_path):
    clip, port = tmp_path / "clip.mp4", str(free_port())
    picture = ["-f", "lavfi", "-i", "testsrc2=size=64x36:rate=10:duration=1"]
    subprocess.run(["ffmpeg", "-v", "error", *picture, "-pix_fmt", "yuv420p", clip], check=True)
    body = clip.read_bytes()
    names = stored.names
    aws.client("s3").put_object(Bucket=names.uploads_bucket, Key="videos/clip.mp4", Body=body)
    etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
    event = aws_events.created(
        "videos/clip.mp4", bucket=names.uploads_bucket, etag=etag, size=len(body)
    )
    start(media, PORT=port, VIDEODROP_STAGE="transcode")
    until(lambda: _answers(port))
    answer = httpx.post(f"http://127.0.0.1:{port}/", content=event, timeout=120)
    assert (answer.status_code, answer.json()) == (200, {"batchItemFailures": []})
    video_id = events.video_id(names.uploads_bucket, "videos/clip.mp4")
    run = bootstrap.catalog(stored).video(video_id).stages["transcode"]
    assert run.state == "succeeded"


@pytest.mark.parametrize("stage", ["transcribe", "detect"])
def test_a_stage_with_a_model_loads_the_one_in_its_image(cpu, start, stage, tmp_path):
    model = {"transcribe": "whisper-shapes", "detect": "yolo-shapes"}[stage]
    port, name = str(free_port()), f"VIDEODROP_PARAMS__{stage.upper()}__MODEL"
    env = {"PORT": port, "VIDEODROP_STAGE": stage, "TMPDIR": str(tmp_path), name: model}
    start(cpu, VIDEODROP_MODEL_DIR=cpu.environment()["VIDEODROP_MODEL_DIR"], **env)
    until(lambda: _answers(port))
    answer = httpx.post(f"http://127.0.0.1:{port}/", json={"warm_up": True}, timeout=120)
    assert (answer.status_code, answer.json()) == (200, {})


def test_the_code_has_no_model_of_another_licence(images):
    for image in images.values():
        assert not list((image.image / "opt" / "app" / "samples" / "models").glob("yolo-*.onnx"))


def _answers(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_on_lambda_the_runtime_client_asks_for_events(media, start, config):  # noqa: ARG001
    runtime = RuntimeApi("arn:aws:lambda:us-east-1:1:function:f")
    try:
        invocation = Invocation(json.dumps({"Records": []}).encode(), time.time() + 60, "Root=1")
        runtime.put(invocation)
        start(media, AWS_LAMBDA_RUNTIME_API=runtime.address, VIDEODROP_STAGE="thumbnail")
        runtime.caller = start.processes[-1].pid
        assert invocation.answered.wait(60)
        assert json.loads(invocation.response) == {"batchItemFailures": []}
    finally:
        runtime.close()


def test_elsewhere_it_polls(media, start, installation, tmp_path):
    aws.client("sqs").send_message(
        QueueUrl=aws.client("sqs").get_queue_url(QueueName=installation.names.queue("thumbnail"))[
            "QueueUrl"
        ],
        MessageBody=aws_events.deleted(bucket=installation.names.uploads_bucket),
    )
    env = start(media, VIDEODROP_STAGE="thumbnail", TMPDIR=str(tmp_path))
    queue = installation.names.queue("thumbnail")
    until(lambda: _left(queue) == 0)
    until(lambda: is_well(media, env))


def _left(queue):
    sqs = aws.client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)
