"""The Compose files: valid, complete and closed, without an engine."""

import os
import re
import shutil
import stat
import subprocess

import pytest
import yaml
from compose_spec import PyCompose

from containers import dockerfile
from pipeline.core import setting_names
from tests.fakes.compose import DEPLOY, ENV, load

PROJECTS = {
    "plain": ("compose.yaml",),
    "gpu": ("compose.yaml", "compose.gpu.yaml"),
    "store": ("compose.yaml", "compose.store.yaml"),
}


@pytest.fixture(params=PROJECTS.values(), ids=PROJECTS)
def project(request):
    return load(*request.param)


def test_a_project_follows_the_specification(project):
    PyCompose.from_yaml(yaml.safe_dump(project))


def test_the_specification_has_no_field_that_it_does_not_know(project):
    project["services"]["worker"]["restarts"] = "always"
    with pytest.raises(ValueError, match="restarts"):
        PyCompose.from_yaml(yaml.safe_dump(project))


def test_docker_reads_the_projects_too_where_it_is():
    has_compose = (
        shutil.which("docker")
        and not subprocess.run(
            ["docker", "compose", "version"], capture_output=True, check=False
        ).returncode
    )
    for files in PROJECTS.values() if has_compose else ():
        named = (word for file in files for word in ("--file", DEPLOY / file))
        command = ["docker", "compose", *named, "config", "--quiet"]
        subprocess.run(command, env=os.environ | ENV, check=True)


def test_secrets_are_required_and_none_is_in_a_file():
    for name in ENV:
        with pytest.raises(ValueError, match=r"deploy/env\.sh"):
            load("compose.yaml", env={k: v for k, v in ENV.items() if k != name})


def test_a_service_is_restarted_limited_and_closed(project):
    for name, service in project["services"].items():
        once = name == "prepare"
        assert service["restart"] == ("on-failure" if once else "unless-stopped"), name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}, name
        assert "/tmp" in service["volumes"], name  # noqa: S108 - of the container
        assert "privileged" not in service, name
        assert ("ports" in service) == (name == "api"), name


def test_the_api_is_published_on_loopback_unless_its_operator_says_otherwise(project):
    assert project["services"]["api"]["ports"] == ["127.0.0.1:8080:8080"]
    other = load("compose.yaml", env=ENV | {"VIDEODROP_LISTEN": "192.0.2.1", "VIDEODROP_PORT": "1"})
    assert other["services"]["api"]["ports"] == ["192.0.2.1:1:8080"]


def test_every_service_has_an_image_that_the_dockerfile_makes(project):
    images = {service["image"] for service in project["services"].values()}
    assert images <= {f"videodrop-{name}" for name in dockerfile.read()}


def test_a_worker_gets_more_time_than_it_drains(project):
    worker = project["services"]["worker"]
    drain_s = float(worker["environment"]["VIDEODROP_DRAIN_S"])
    assert worker["stop_grace_period"] == "90s"
    assert 90 - drain_s >= 30, "for giving back what did not end"


def test_every_setting_exists(project):
    for service in project["services"].values():
        assert list(setting_names.mistyped(service["environment"])) == []


def test_everything_starts_after_what_it_needs(project):
    for name, service in project["services"].items():
        wanted = {"aws": {}, "prepare": {"aws": "service_healthy"}}.get(
            name, {"prepare": "service_completed_successfully"}
        )
        found = service.get("depends_on", {})
        assert {on: how["condition"] for on, how in found.items()} == wanted


def test_a_gpu_is_reserved_and_required():
    worker = load(*PROJECTS["gpu"])["services"]["worker"]
    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert worker["environment"]["VIDEODROP_DEVICE"] == "cuda"
    assert worker["deploy"]["resources"]["limits"], "those of the first file stay"


def test_all_that_read_files_know_the_store_and_one_looks_through_it():
    services = load(*PROJECTS["store"])["services"]
    for name in services.keys() - {"aws"}:
        assert services[name]["environment"]["VIDEODROP_STORE_PROFILE"] == "store"
        assert services[name]["secrets"] == ["store"]
        assert services[name]["environment"]["AWS_CONFIG_FILE"] == "/run/secrets/store"
    assert services["watcher"]["command"] == ["watch-bucket"]


def test_the_script_makes_secrets_once_for_their_owner_alone(tmp_path):
    script = shutil.copy(DEPLOY / "env.sh", tmp_path)
    subprocess.run([script], check=True)
    made = tmp_path / ".env"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    before = made.read_text()
    found = dict(line.split("=", 1) for line in before.splitlines())
    assert found.keys() == ENV.keys()
    assert load("compose.yaml", env=found)
    assert re.fullmatch(r"[\w-]{32}", found["VIDEODROP_API_TOKEN"])
    assert found["VIDEODROP_AWS_SECRET"] != found["VIDEODROP_API_TOKEN"]
    subprocess.run([script], check=True)
    assert made.read_text() == before
