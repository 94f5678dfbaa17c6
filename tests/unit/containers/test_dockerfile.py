"""The rules of the images that need no build."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from containers import dockerfile
from pipeline.core.settings import Settings
from pipeline.hosts import entrypoint
from pipeline.hosts.worker.functions import hosted

ROOT = Path(__file__).parents[3]
STAGES = dockerfile.read()
IMAGES = [
    name for name, stage in STAGES.items() if any(step.word == "LABEL" for step in stage.steps)
][1:]
POOL = (ROOT / "infra" / "modules" / "gpu_pool" / "pool.tf").read_text()
FUNCTION = (ROOT / "infra" / "modules" / "function" / "main.tf").read_text()


def chain(image):
    return dockerfile.lineage(STAGES, image)


def commands(image):
    """Return the instructions of an image and of the stages that it copies from."""
    for stage in chain(image):
        for step in stage.steps:
            if step.word == "RUN":
                yield step.rest
            elif "from" in step.flags:
                yield from commands(step.flags["from"])


def test_there_is_an_image_for_every_kind_of_host():
    # The last one is the default: no CUDA.
    assert IMAGES == ["api", "media", "gpu", "local", "cpu"]


def test_hadolint_finds_nothing_and_ignores_nothing():
    hadolint = Path(sys.executable).with_name("hadolint")
    assert "hadolint" not in dockerfile.PATH.read_text()
    subprocess.run([hadolint, "--no-color", dockerfile.PATH], check=True)


def test_external_images_are_pinned_by_a_required_digest():
    text = dockerfile.PATH.read_text()
    foreign = {stage.parent for stage in STAGES.values()} - STAGES.keys()
    assert foreign
    for parent in foreign:
        assert re.fullmatch(r"[^@]+@\$\{PYTHON_DIGEST\}", parent)
    # Without a default: an empty digest is not a reference.
    assert re.findall(r"^ARG PYTHON_DIGEST(.*)$", text, re.MULTILINE) == [""]


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_nobody_and_has_a_health_check(image):
    user = dockerfile.last(chain(image), "USER").rest
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    assert dockerfile.last(chain(image), "HEALTHCHECK").rest == (
        'CMD ["python", "-m", "pipeline.hosts.health"]'
    )
    # Nothing is installed after USER, because that user could change it.
    own = [step.word for stage in chain(image) for step in stage.steps]
    assert "RUN" not in own[own.index("USER") :]


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_the_label_of_its_licence(image):
    labels = dockerfile.merged(chain(image), "LABEL")
    prefix = "org.opencontainers.image"
    for name in ("title", "description", "version", "revision", "source"):
        assert labels[f"{prefix}.{name}"]
    licences = labels[f"{prefix}.licenses"].split(" AND ")
    ran = " ".join(commands(image))
    assert "Apache-2.0" in licences
    assert ("AGPL-3.0-only" in licences) == ("gpu" in ran)
    assert ("LicenseRef-NVIDIA-CUDA" in licences) == ("gpu" in ran)
    assert ("GPL-2.0-or-later" in licences) == ("ffmpeg=" in ran)
    copied = [words for stage in chain(image) for words in stage.steps if "from" in words.flags]
    assert "code" in {step.flags["from"] for step in copied}
    assert any("NOTICE" in step.rest for step in STAGES["code"].steps)


@pytest.mark.parametrize("image", ["media", "cpu", "gpu", "local"])
def test_images_of_stages_have_ffmpeg(image):
    assert any(" ffmpeg=" in command for command in commands(image))


@pytest.mark.parametrize("image", ["cpu", "gpu", "local"])
def test_weights_are_a_layer_that_was_checked(image):
    weights = [step for stage in chain(image) for step in stage.steps if "from" in step.flags]
    (layer,) = [step for step in weights if step.flags["from"] == "weights"]
    (folder, where) = layer.words
    assert folder == where == dockerfile.merged(chain(image), "ENV")["VIDEODROP_MODEL_DIR"]
    bake = 'python -m pipeline.stages.models.bake --into "$VIDEODROP_MODEL_DIR" $WEIGHTS'
    assert any(command.endswith(bake) for command in commands("weights"))


def test_lambda_and_gpu_hosts_start_commands_of_the_images_and_the_entry_point():
    for image in IMAGES:
        assert dockerfile.last(chain(image), "ENTRYPOINT").words == [
            "python",
            "-m",
            entrypoint.__name__,
        ]
    # On both, `command` replaces CMD and leaves the entry point.
    commands = re.findall(r"^    command += (\[.*\])", POOL, re.MULTILINE)
    assert list(map(json.loads, commands)) == [[entrypoint.STAGE]]
    assert dockerfile.last(chain("gpu"), "CMD").words == [entrypoint.STAGE]
    assert "entry_point" not in FUNCTION
    assert "entryPoint" not in POOL
    assert "command = [image_config.value]" in FUNCTION
    assert "for_each = var.image == null ? [] : [var.handler]" in FUNCTION
    given = set()
    for path in ROOT.glob("infra/**/*.tf"):
        given |= set(re.findall(r'^ +handler += "([^"]+)"', path.read_text(), re.MULTILINE))
    assert given == {function.handler for function in hosted(Settings())} | {entrypoint.QUERY}
    for handler in given - {entrypoint.QUERY}:
        assert entrypoint.names(handler, "detect")
    for handler in given:
        # Read as text, because importing the query handler opens an event loop.
        module, name = handler.rsplit(".", 1)
        source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
        assert f"\ndef {name}(" in source


def test_only_named_files_of_a_working_copy_are_sent():
    lines = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert lines[0] == "*"
    named = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        word.split("/")[0]
        for stage in STAGES.values()
        for step in stage.steps
        if step.word == "COPY" and "from" not in step.flags
        for word in step.words[:-1]
    }
    assert named == copied
