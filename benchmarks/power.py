"""Power cuts: what a process had not synced when it was killed is taken from its files.

``python -m benchmarks.power LOG MODULE ARGUMENTS…`` runs a module, and logs each sync.
"""

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

_fsync, _fdatasync = os.fsync, os.fdatasync


def watch(log: Path) -> None:
    """Log the files and folders that this process, and its copies, sync from now on."""
    to = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def logged(sync: Any) -> Any:
        def call(file: Any) -> None:
            number = file if isinstance(file, int) else file.fileno()
            status = os.fstat(number)
            path = Path(f"/proc/self/fd/{number}").readlink()
            names = {}
            if path.is_dir():
                names = {entry.name: entry.inode() for entry in os.scandir(path)}
            sync(number)
            line = {"path": str(path), "inode": status.st_ino, "size": status.st_size}
            os.write(to, (json.dumps(line | {"names": names}) + "\n").encode())

        return call

    os.fsync, os.fdatasync = logged(_fsync), logged(_fdatasync)


def cut(folder: Path, log: Path) -> int:
    """Take from the files in ``folder`` what was not on the disk; return how many lost anything.

    A file keeps the bytes that it had when it was synced last. A name that was not in its folder
    when that was synced last is gone. One that has replaced another since may be either, because
    renaming is atomic: here it is the new one.
    """
    sizes: dict[int, tuple[str, int]] = {}
    names: dict[str, dict[str, int]] = {}
    for line in log.read_text().splitlines():
        synced = json.loads(line)
        if synced["names"]:
            names[synced["path"]] = synced["names"]
        else:
            sizes[synced["inode"]] = synced["path"], synced["size"]
    lost = 0
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        status = path.stat()
        if path.name not in names.get(str(path.parent), {}):
            path.unlink()
            lost += 1
            continue
        synced_as, size = sizes.get(status.st_ino, ("", 0))
        if synced_as not in {str(path), str(path.with_suffix(".new"))}:
            size = 0  # another file had this inode
        if status.st_size > size:
            os.truncate(path, size)
            lost += 1
    return lost


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
