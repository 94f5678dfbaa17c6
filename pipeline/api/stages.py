"""Route: the stages of this installation."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from pipeline.api import caching
from pipeline.api.context import Parts
from pipeline.api.problems import described
from pipeline.core import parameters
from pipeline.core.parameters import Parameter
from pipeline.core.stage import load
from pipeline.core.topology import StageSpec

router = APIRouter(tags=["service"])


class StageInfo(BaseModel):
    """A stage and its parameters."""

    stage: str
    gpu: bool = Field(description="A GPU makes it faster")
    version: str | None = Field(
        description="Version of its code, which is part of the fingerprint; null if the API's host "
        "lacks the code"
    )
    parameters: list[Parameter] = Field(description="Empty if the API's host lacks its code")


class StageList(BaseModel):
    """The stages of this installation, in their order."""

    stages: list[StageInfo]


@router.get(
    "/stages",
    summary="List the stages and their parameters",
    description="`value` is this installation's; an upload or a replay may set another one.",
    response_model=StageList,
    responses=described(503),
)
def list_stages(parts: Parts, request: Request, response: Response) -> object:
    """Return the stages, or 304 if the client has them already."""
    settings = parts.settings
    found = StageList(
        stages=[
            _info(stage, spec, settings.params.get(stage, {}))
            for stage, spec in settings.topology.stages.items()
        ]
    )
    return caching.revalidate(request, response, found) or found


def _info(stage: str, spec: StageSpec, overrides: Mapping[str, Any]) -> StageInfo:
    try:
        module = load(spec.module)
    except ModuleNotFoundError:
        return StageInfo(stage=stage, gpu=spec.gpu, version=None, parameters=[])
    return StageInfo(
        stage=stage,
        gpu=spec.gpu,
        version=module.VERSION,
        parameters=parameters.of(module.Params, overrides),
    )
