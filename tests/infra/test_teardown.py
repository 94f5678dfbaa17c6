"""Last, by its name: what the other tests looked at is no more."""

import json

from tests.infra.conftest import Applied


def test_it_goes_without_a_trace(applied: Applied):
    assert "Destroy complete!" in applied.run("destroy", "-auto-approve")
    assert json.loads(applied.terraform.run("show", "-json")).get("values") is None
