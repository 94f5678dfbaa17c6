"""The bill of materials of an image lists what its recipe installs."""

import re

import pytest

from containers import bill


@pytest.mark.parametrize("target", bill.TARGETS)
def test_every_python_package_of_an_image_is_pinned(target):
    found = dict(bill.python(target))
    assert {"boto3", "pydantic", "urllib3"} <= found.keys()
    assert all(re.fullmatch(r"\d[\w.+]*", version) for version in found.values())
    assert ("torch" in found) == (target == "gpu")
    assert ("fastapi" in found) == (target in {"api", "local"})
    assert ("moto" in found) == (target == "local")
    assert not {"pytest", "ruff"} & found.keys()


def test_a_package_without_a_pin_is_an_error(monkeypatch):
    monkeypatch.setattr(bill, "_pins", lambda: iter([("boto3", "1")]))
    with pytest.raises(ValueError, match=r"pins no version of .*pydantic"):
        bill.python("api")


def test_a_bill_has_packages_of_all_kinds_with_licences():
    made = bill.bill("media")
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    urls = {one["name"]: one["purl"] for one in made["components"]}
    assert urls["ffmpeg"].startswith("pkg:deb/debian/ffmpeg@7:5.1")
    assert urls["hls.js"].startswith("pkg:npm/hls.js@")
    pillow = next(one for one in made["components"] if one["name"] == "pillow")
    assert pillow["licenses"] == [{"license": {"name": "MIT-CMU"}}]
