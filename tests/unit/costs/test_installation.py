"""Values of ``infra/`` that bills assume, compared with the Terraform sources."""

import re
from pathlib import Path

import pytest

from pipeline.core.topology import Topology
from pipeline.costs import installation, quotas

INFRA = Path(__file__).parents[3] / "infra"
VARIABLES = "\n".join(path.read_text() for path in INFRA.glob("variables*.tf"))


def optional(name: str) -> float:
    """Return the default of an attribute of a variable."""
    (found,) = re.findall(rf"^ +{name} += optional\(number, (\d+)\)$", VARIABLES, re.MULTILINE)
    return int(found)


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("max_hosts", installation.MAX_HOSTS),
        ("idle_s", installation.IDLE_S),
        ("rate", installation.THROTTLE_RATE),
    ],
)
def test_defaults_are_those_of_the_variables(name: str, taken: int):
    assert optional(name) == taken


def test_stages_share_what_the_quota_leaves():
    text, quota = (INFRA / "concurrency.tf").read_text(), quotas._LAMBDA_CONCURRENCY
    reserved = sum(int(kept) for kept in re.findall(r"^    \w+ += (\d+)$", text, re.MULTILINE))
    rest = quota - reserved - min(optional("burst"), quota // 10)
    (share,) = re.findall(r" live_concurrency += .*floor\(([\d.]+) \* local\.rest", text)
    stages = len(Topology.read().stages)
    assert int(float(share) * rest / stages) == installation.LIVE_CONCURRENCY


def test_a_mapping_takes_as_many_as_terraform_lets_it():
    assert f"number <= {quotas._MAPPING_CONCURRENCY}" in VARIABLES


def test_a_function_has_as_much_memory_as_terraform_lets_it():
    assert f"memory_mb <= {quotas._LAMBDA_MEMORY_MB}," in VARIABLES


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("modules/gpu_pool/hosts.tf", f"volume_size = {installation.HOST_DISK_GB}"),
        ("api.tf", f"memory_mb    = {installation.QUERY_MEMORY_MB}"),
        (
            "variables_code.tf",
            f'architecture = optional(string, "{installation.ZIP_ARCHITECTURE}")',
        ),
    ],
)
def test_sizes_are_those_of_the_sources(path: str, line: str):
    assert line in (INFRA / path).read_text()
