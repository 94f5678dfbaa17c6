"""The versions of engines' libraries, on this host or on the stages' own hosts."""

import importlib.metadata

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import host


def version(package: str, extra: str) -> str:
    """Return the version of an engine's library without importing it.

    If it is not installed here, that of the stages' own hosts.

    Raises:
        MissingDependency: ``extra_missing``: it is not installed.
    """
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as error:
        if elsewhere := host.current().engines.get(package):
            return elsewhere
        raise MissingDependency(
            "extra_missing",
            f'This needs the extra "{extra}"; `videodrop doctor` says how to get it.',
        ) from error
