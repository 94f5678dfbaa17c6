"""Checks of this machine: what is installed, what is missing, and how to get it."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel

from pipeline.core.errors import VideodropError
from pipeline.core.settings import Settings
from pipeline.core.stage import lacking
from pipeline.media import containment
from pipeline.stages import loading
from pipeline.stages.models import registry, store, weights

Verdict = Literal["ok", "missing", "optional"]

_PYTHON = (3, 11)
_GIB = 1024**3
_FREE_GIB = 5
_PATIENCE_S = 20.0


class Finding(BaseModel):
    """A finding; ``fix`` is the remedy if it is not ok."""

    what: str
    verdict: Verdict
    detail: str
    fix: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Check everything that the pipeline needs here, the cheap checks first."""
    yield _python()
    yield from (_tool(*row) for row in _TOOLS)
    yield from (_package(*row) for row in _PACKAGES)
    yield _disk(settings)
    yield _gpu()
    yield from _containment()
    yield from _models(settings)
    for stage in settings.topology.stages:
        yield _stage(stage, settings)


_TOOLS: list[tuple[str, bool, str, str]] = [
    ("ffmpeg", True, "transcode, thumbnail, frames and audio", "sudo apt-get install ffmpeg"),
    ("ffprobe", True, "reads what a file holds", "sudo apt-get install ffmpeg"),
    ("espeak-ng", False, "samples and tests only", "sudo apt-get install espeak-ng"),
]
_PACKAGES: list[tuple[str, str, str]] = [
    ("PIL", "thumbnail", "media"),
    ("ctranslate2", "transcribe", "transcribe"),
    ("onnxruntime", "transcribe, detect", "all"),
    ("whisper", "transcribe on PyTorch", "openai-whisper"),
    ("ultralytics", "detect on PyTorch (AGPL-3.0)", "ultralytics"),
    ("moto", "the embedded stack", "local"),
    ("fastapi", "the query API", "api"),
    ("awslambdaric", "hosting handlers", "worker"),
]


_INSTALL = "pip install 'videodrop[{}]'"


def _python() -> Finding:
    have = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= _PYTHON:
        return Finding(what="python", verdict="ok", detail=have)
    return Finding(
        what="python", verdict="missing", detail=have, fix="Install Python 3.11 or newer."
    )


def _tool(name: str, required: bool, purpose: str, fix: str) -> Finding:  # noqa: FBT001 - a table row
    path = shutil.which(name)
    if path is None:
        verdict: Verdict = "missing" if required else "optional"
        return Finding(what=name, verdict=verdict, detail=f"not found: {purpose}", fix=fix)
    said = _said(path, "-version" if name.startswith("ff") else "--version")
    return Finding(what=name, verdict="ok", detail=(said.splitlines() or [path])[0][:80])


def _said(*command: str) -> str:
    """Return a tool's output; empty if it does not start or hangs."""
    try:
        return subprocess.run(  # noqa: S603 - fixed names and flags
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _package(module: str, purpose: str, extra: str) -> Finding:
    if importlib.util.find_spec(module):
        return Finding(what=module, verdict="ok", detail=purpose)
    return Finding(
        what=module,
        verdict="optional",
        detail=f"not installed: {purpose}",
        fix=_INSTALL.format(extra),
    )


def _disk(settings: Settings) -> Finding:
    home = settings.home
    while not home.exists():
        home = home.absolute().parent
    free = shutil.disk_usage(home).free / _GIB
    if free >= _FREE_GIB:
        return Finding(what="disk", verdict="ok", detail=f"{free:.0f} GiB free for {home}")
    return Finding(
        what="disk",
        verdict="optional",
        detail=f"only {free:.1f} GiB free for {home}",
        fix="Free some space, or set VIDEODROP_HOME and VIDEODROP_SCRATCH to a larger disk.",
    )


def _gpu() -> Finding:
    path = shutil.which("nvidia-smi")
    said = _said(path, "--query-gpu=name,memory.total", "--format=csv,noheader") if path else ""
    if said.strip():
        return Finding(what="gpu", verdict="ok", detail=said.strip().replace("\n", "; "))
    return Finding(
        what="gpu", verdict="optional", detail="none: everything runs on the CPU, more slowly"
    )


def _containment() -> Iterator[Finding]:
    """Say which layers of ``pipeline.media.containment`` this host has."""
    for layer, has in containment.layers():
        yield Finding(
            what="ffmpeg contained",
            verdict="ok" if has else "optional",
            detail=layer if has else f"not on this host: {layer}",
            fix="" if has else "Take a newer kernel, or apt-get install libseccomp2.",
        )


def _models(settings: Settings) -> Iterator[Finding]:
    """Name the model that ``auto`` means on this machine, for each kind."""
    loading.use_model_host(settings)
    for kind in registry.DEMONSTRATION:
        name = weights.choose(registry.AUTO, kind)
        model = registry.models()[registry.ALIASES.get(name, name)]
        others = sorted(
            one.name
            for one in registry.models().values()
            if one.kind == kind and one is not model and not one.knows and store.find(one)
        )
        also = f"; also here: {', '.join(others)}" if others else ""
        if model.knows:
            best = weights.default(kind)
            yield Finding(
                what=f"model for {kind}",
                verdict="optional",
                detail=f"auto is {name}, which knows {model.knows}{also}",
                fix=f"videodrop models fetch {best}",
            )
        else:
            yield Finding(what=f"model for {kind}", verdict="ok", detail=f"auto is {name}{also}")


def _stage(name: str, settings: Settings) -> Finding:
    """Check that a stage's module, parameters and model are available."""
    try:
        module = loading.module(name, settings)
        if packages := lacking(module):
            return Finding(
                what=f"stage {name}",
                verdict="missing",
                detail=f"not installed: {', '.join(packages)}",
                fix=f"{_INSTALL.format(next(iter(packages.values())))}; or leave it out by "
                "VIDEODROP_STAGES",
            )
        identity = module.identity(module.Params(**settings.params.get(name, {})))
    except VideodropError as error:
        return Finding(
            what=f"stage {name}", verdict="missing", detail=error.code, fix=error.message
        )
    except ImportError as error:
        return Finding(
            what=f"stage {name}",
            verdict="missing",
            detail=str(error),
            fix=_INSTALL.format("all"),
        )
    model = identity.get("model")
    detail = f"model {model} ({identity.get('sha256', '')[:12]}…)" if model else "needs no model"
    return Finding(what=f"stage {name}", verdict="ok", detail=detail)
