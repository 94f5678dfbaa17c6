"""moto's list of its services, of which it reads the folders once."""

import os

from moto import backends

from pipeline.hosts.local.moto_patches.services import list_once


def test_motos_folders_are_listed_once(monkeypatch):
    before = list(backends.list_of_moto_modules())
    assert {"dynamodb", "events", "s3", "sqs"} <= set(before)
    patched = list_once(backends.list_of_moto_modules)
    monkeypatch.setattr(os, "listdir", lambda _: [])
    assert list(patched()) == before
    assert "s3" in patched()
