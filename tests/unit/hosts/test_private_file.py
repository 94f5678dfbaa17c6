"""Files with credentials or code: no other user reads, writes or plants one."""

import os
from pathlib import Path

import pytest

from pipeline.hosts.private_file import is_private, write_private


@pytest.fixture
def path(tmp_path: Path):
    write_private(tmp_path / "token", "secret")
    return tmp_path / "token"


@pytest.mark.parametrize(
    ("mode", "private"), [(0o600, True), (0o400, True), (0o640, False), (0o602, False)]
)
def test_a_file_is_private_if_its_mode_excludes_others(path, mode, private):
    path.chmod(mode)
    assert is_private(path) is private


def test_a_file_of_another_user_is_not_private(path, monkeypatch):
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    assert not is_private(path)


def test_a_link_is_not_private_whatever_it_leads_to(path):
    link = path.with_name("link")
    link.symlink_to(path)
    assert not is_private(link)


def test_a_file_is_private_whatever_the_umask_and_an_earlier_one_allow(path):
    left = path.with_suffix(".tmp")  # by a process that was killed
    left.touch()
    left.chmod(0o666)
    before = os.umask(0)
    try:
        write_private(path, "new")
    finally:
        os.umask(before)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)


def test_a_file_that_cannot_be_written_leaves_the_one_before(path):
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "\ud800")
    assert path.read_text() == "secret"


def test_a_link_that_another_process_plants_is_not_followed(path, monkeypatch):
    other = path.with_name("other")
    other.write_text("kept")
    monkeypatch.setattr(Path, "unlink", lambda self, **_: self.symlink_to(other))
    with pytest.raises(FileExistsError):
        write_private(path, "secret")
    assert other.read_text() == "kept"
