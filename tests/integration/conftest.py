"""The core without queues and ffmpeg: real S3 and DynamoDB calls, toy stages, events by hand."""

from pathlib import Path

import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws.catalog import Catalog
from pipeline.core.settings import Settings
from tests.conftest import make_bus, make_table, topology_with
from tests.fakes.rig import FakeStage, Rig, probe_anything

STAGES = {"toy": "tests.fakes.toystage", "twin": "tests.fakes.toystage"}


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch, config: Settings, tmp_path: Path) -> Settings:
    """Settings of an installation whose only stages are two toys; nothing of it exists yet."""
    path = topology_with(STAGES, tmp_path / "topology.json", only=True)
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(path))
    return config.model_copy(update={"topology_path": path})


@pytest.fixture(params=["moto", "dynalite"])
def catalog(
    request: pytest.FixtureRequest, toys: Settings, monkeypatch: pytest.MonkeyPatch
) -> Catalog:
    """A catalog in each of two implementations of DynamoDB that share no code."""
    if request.param == "dynalite":
        endpoint = request.getfixturevalue("dynalite_endpoint")
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    make_table(toys)
    return bootstrap.catalog(toys)


@pytest.fixture(params=["moto", "ministack"])
def each_s3(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are kept in each of two implementations of S3 that share no code."""
    if request.param == "ministack":
        endpoint = request.getfixturevalue("ministack_endpoint")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)


@pytest.fixture
def rig(toys: Settings, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A runner with its table and buckets; what is uploaded need not be a video."""
    make_table(toys)
    make_bus(toys)
    for bucket in (toys.names.uploads_bucket, toys.names.artifacts_bucket):
        aws.client("s3").create_bucket(Bucket=bucket)
    monkeypatch.setattr("pipeline.runs.execute.probe", probe_anything)
    return Rig(toys, FakeStage())
