"""The destruction of the installation; its file name makes it the last test."""

import json

from tests.infra.conftest import Applied


def test_destroy_leaves_nothing(applied: Applied):
    assert "Destroy complete!" in applied.run("destroy", "-auto-approve", "-refresh=false")
    assert json.loads(applied.terraform.run("show", "-json")).get("values") is None
