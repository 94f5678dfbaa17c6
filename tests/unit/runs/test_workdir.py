import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.runs.workdir import sweep, workdir


def test_a_work_directory_is_empty_and_goes_away_even_on_failure(tmp_path: Path):
    scratch = tmp_path / "not" / "yet"

    def fail() -> None:
        with workdir(scratch) as path:
            assert path.parent == scratch
            assert not any(path.iterdir())
            (path / "file").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not any(scratch.iterdir())


def test_what_a_killed_process_left_is_swept(tmp_path: Path):
    code = (
        "import os, sys; from pathlib import Path; from pipeline.runs.workdir import workdir\n"
        "with workdir(Path(sys.argv[1])) as path:\n"
        "    (path / 'half').touch()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    assert sweep(tmp_path) == 1
    assert not any(tmp_path.iterdir())


def test_directories_of_living_processes_and_other_programs_are_kept(tmp_path: Path):
    kept = ["videodrop-settings-old", "other-1", f"videodrop-{os.getpid()}-a", "videodrop-1-init"]
    for name in kept:
        (tmp_path / name).mkdir()
    (tmp_path / "videodrop-999999999-a-file").touch()
    assert sweep(tmp_path) == 0
    assert {path.name for path in tmp_path.iterdir()} > set(kept)


def test_what_a_process_of_another_user_works_in_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def denied(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", denied)
    (tmp_path / "videodrop-4000000-a").mkdir()
    assert sweep(tmp_path) == 0
