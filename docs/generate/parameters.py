"""The page of stage parameters, from each stage's ``Params``."""

from collections.abc import Iterator
from pathlib import Path

from docs.generate import text
from pipeline.core import parameters
from pipeline.core.parameters import Parameter
from pipeline.core.stage import load
from pipeline.core.topology import Topology

ROOT = Path(__file__).parents[2]


def page() -> str:
    """Return the page."""
    lines = text.heading(
        "Stage parameters",
        "A parameter is set for one upload (`videodrop add --option detect-confidence=0.4`),\n"
        "for a replay (`videodrop replay --set detect-confidence=0.4`),\n"
        "for one run (`videodrop run detect … --param confidence=0.4`),\n"
        "or for the installation (`VIDEODROP_PARAMS__DETECT__CONFIDENCE=0.4`).\n"
        "The fingerprint of a result covers all of them. A changed default makes another result.",
    )
    for stage, spec in Topology.read().stages.items():
        file = spec.module.replace(".", "/") + ".py"
        lines += [f"## {stage}", "", f"The fields are in [`{file}`](../../{file}).", ""]
        rows = _rows(parameters.of(load(spec.module).Params))
        lines += text.table(["Parameter", "Type", "Default", "Meaning"], rows)
    return text.page(lines)


def _rows(found: list[Parameter]) -> Iterator[list[str]]:
    for one in found:
        shown = "" if one.default is None else text.code(str(one.default))
        yield [text.code(one.name), one.type, shown, text.cell(one.description)]
