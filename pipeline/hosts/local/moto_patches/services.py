"""moto's own list of its services."""

from collections.abc import Collection, Iterable

from moto import backends

from pipeline.hosts.local.moto_patches.patch import Function, Patch


def list_once(list_of_moto_modules: Function) -> Function:
    """List moto's folders once: a request that names no service by its host has them listed."""
    listed: Iterable[str] = list_of_moto_modules()
    names: Collection[str] = dict.fromkeys(listed)  # in moto's order
    return lambda: names


PATCHES = (Patch(backends, "list_of_moto_modules", list_once),)
