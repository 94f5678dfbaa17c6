"""The sizes of Debian's packages in the images, from apt."""

import json
import platform
import shutil
import subprocess

import pytest

from containers import dockerfile, sizes

BUDGETS = json.loads(sizes.BUDGETS.read_text())


def test_debian_has_what_is_pinned_and_it_is_within_budget():
    image = "gpu"  # it has all packages of the others
    wanted = sizes.requested(image)
    assert wanted
    base = dockerfile.read()["base"].parent
    on_debian = shutil.which("apt-get") and platform.freedesktop_os_release()["ID"] == "debian"
    if not on_debian or platform.freedesktop_os_release()["VERSION_CODENAME"] not in base:
        pytest.skip("this is not the Debian of the base image")
    names = [package.split("=")[0] for package in wanted]
    known = subprocess.check_output(["apt-cache", "policy", *names], text=True)
    if known.count("Candidate:") < len(names):
        pytest.skip("apt has no lists: apt-get update fetches them")
    assert sum(sizes.debian(image).values()) <= BUDGETS[image]["debian"] * 1_000_000
