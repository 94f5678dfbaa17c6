"""A result that was just made, with the files of it that are needed once more."""

from pathlib import Path
from typing import NamedTuple

from pipeline.core.records import StageResult
from pipeline.core.stage import Result
from pipeline.results.search.index import ROLES


class Made(NamedTuple):
    """A result, and the contents of the files that a search finds it by."""

    result: StageResult
    files: dict[str, bytes]


def read(result: Result, work: Path) -> dict[str, bytes]:
    """Read the files of a result that a search finds it by, so that S3 need not be asked."""
    names = [file.name for file in result.artifacts if file.role in ROLES]
    return {name: (work / name).read_bytes() for name in names}
