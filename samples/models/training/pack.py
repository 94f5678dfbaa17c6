"""Checkpoint files that are small and reproducible, without data of the machine that wrote them."""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any, Final

import torch

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest date a ZIP file can name


def save(checkpoint: dict[str, Any], path: Path) -> None:
    """Save like `torch.save`, but deflated.

    A .pt file is a ZIP file; torch writes its members uncompressed but also reads deflated ones.
    The file is replaced atomically, because others may be reading it. Its checksum is written to
    SHA256SUMS in the same folder.
    """
    plain = io.BytesIO()
    torch.save(checkpoint, plain)
    partial = path.with_name(path.name + ".partial")
    with (
        zipfile.ZipFile(plain) as source,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target,
    ):
        for member in source.infolist():
            # torch names the folder inside after the file; a fixed name keeps the bytes equal.
            name = "archive/" + member.filename.split("/", 1)[1]
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, source.read(member))
    partial.replace(path)
    note_sum(path)


def note_sum(path: Path) -> None:
    """Write a file's checksum to SHA256SUMS in its folder, in the format of `sha256sum`."""
    sums = path.with_name("SHA256SUMS")
    lines = sums.read_text(encoding="ascii").splitlines() if sums.exists() else []
    known = {name: digest for digest, name in (line.split() for line in lines)}
    known[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(known.items()))
    sums.write_text(text, encoding="ascii")
