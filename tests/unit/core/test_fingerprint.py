from typing import Any

import pytest

from pipeline.core.fingerprint import fingerprint

PARTS: dict[str, Any] = {
    "content_id": "etag-6",
    "stage": "detect",
    "version": "1",
    "params": {"confidence": 0.25, "names": ["a", "b"], "model": "yolo"},
    "identity": {"model": "yolo", "sha256": "00"},
}


def test_a_fingerprint_never_changes():
    # With a new value, all installations would compute all stored results again.
    assert fingerprint(**PARTS) == "38edf8bd8ecc3bb6c2f5877cc150df21"


@pytest.mark.parametrize(
    "change",
    [
        {"content_id": "etag-7"},
        {"stage": "transcribe"},
        {"version": "2"},
        {"params": PARTS["params"] | {"confidence": 0.3}},
        {"params": PARTS["params"] | {"names": ["b", "a"]}},
        {"params": {}},
        {"identity": PARTS["identity"] | {"sha256": "01"}},
        {"identity": {}},
    ],
)
def test_the_fingerprint_depends_on_every_part(change: dict[str, Any]):
    assert fingerprint(**(PARTS | change)) != fingerprint(**PARTS)


def test_parts_are_separated():
    assert fingerprint(**(PARTS | {"stage": "ab", "version": "c"})) != fingerprint(
        **(PARTS | {"stage": "a", "version": "bc"})
    )


def test_the_order_of_keys_has_no_effect():
    turned = {
        name: dict(reversed(part.items())) if isinstance(part, dict) else part
        for name, part in PARTS.items()
    }
    assert fingerprint(**turned) == fingerprint(**PARTS)
