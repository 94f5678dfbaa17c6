"""The sizes of Debian's packages in the images, from apt."""

import json
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from containers import dockerfile, sizes

BUDGETS = json.loads(sizes.BUDGETS.read_text())


def test_ffmpeg_is_not_linked_against_the_libraries_that_images_remove():
    steps = [step.rest for step in dockerfile.read()["ffmpeg"].steps if step.word == "RUN"]
    patterns = [word for word in " ".join(steps).split() if word.startswith("/usr/lib/*/")]
    assert len(patterns) == 6
    linked = subprocess.check_output(["ldd", shutil.which("ffmpeg"), shutil.which("ffprobe")])
    paths = [Path(word) for word in linked.decode().split() if word.startswith("/")]
    names = [pattern.removeprefix("/usr/lib/*/") for pattern in patterns]
    assert any(path.match("libavcodec.so*") for path in paths)
    assert [path for path in paths for name in names if path.match(name)] == []


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
