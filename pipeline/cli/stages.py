"""Stages on the command line: their parameters, completion, and what this machine lacks."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.table import Table

from pipeline import bootstrap
from pipeline.cli.arguments import AsJson
from pipeline.cli.console import out, plain, print_json
from pipeline.core import parameters
from pipeline.core.settings import Settings
from pipeline.core.stage import lacking
from pipeline.stages import loading


def names(begun: str) -> list[str]:
    """Return the stages that begin so, for completion."""
    return [stage for stage in bootstrap.settings().topology.stages if stage.startswith(begun)]


Stage = Annotated[str, typer.Argument(help="A stage, e.g. transcribe", autocompletion=names)]


def params(stage: Stage, *, as_json: AsJson = False) -> None:
    """List the parameters of a stage, with the values of this installation."""
    settings = bootstrap.settings()
    module = loading.module(stage, settings)
    found = parameters.of(module.Params, settings.params.get(stage, {}))
    if as_json:
        print_json({"stage": stage, "parameters": [one.model_dump() for one in found]})
        return
    table = Table("parameter", "value", "meaning", box=None, pad_edge=False)
    for one in found:
        changed = "" if one.value == one.default else f" (default {one.default})"
        value = "-" if one.value is None else f"{one.value}{changed}"
        table.add_row(one.name, plain(value), plain(f"{one.description} ({one.type})"))
    out.print(table)


def left_out(settings: Settings) -> Iterator[str]:
    """Yield a sentence for each stage that cannot run on this machine, with the remedies."""
    stages = settings.topology.stages
    missing = {stage: lacking(loading.module(stage, settings)) for stage in stages}
    able = [stage for stage in stages if not missing[stage]]
    for stage, packages in missing.items():
        if packages:
            extras = ",".join(sorted(set(packages.values())))
            remedy = f" or leave it out: VIDEODROP_STAGES={','.join(able)}" if able else ""
            yield (
                f"{stage} cannot run on this machine, for it lacks {', '.join(packages)}. "
                f"Install them, pip install 'videodrop[{extras}]',{remedy}."
            )
