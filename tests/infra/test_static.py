"""What can be said of the infrastructure without making it."""

import shutil
import subprocess

import pytest

from tests.infra.conftest import ROOT, Terraform


def test_the_sources_are_formatted():
    if not shutil.which("terraform"):
        pytest.skip("Terraform is not installed")
    subprocess.run(
        ["terraform", "fmt", "-check", "-diff", "-recursive", ROOT / "infra"], check=True
    )


def test_the_configuration_is_valid(checkout: Terraform):
    assert "The configuration is valid" in checkout.run("validate")


def test_its_own_tests_pass(checkout: Terraform):
    files = sorted(path.name for path in (ROOT / "infra" / "tests").glob("*.tftest.hcl"))
    said = checkout.run("test")
    for name in files:
        assert f"tests/{name}... pass" in said
