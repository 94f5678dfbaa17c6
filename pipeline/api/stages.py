"""Route: the stages of this installation."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from pipeline.api import caching
from pipeline.api.context import Parts
from pipeline.api.problems import described
from pipeline.core import parameters
from pipeline.core.parameters import Parameter
from pipeline.core.stage import load

router = APIRouter(tags=["service"])


class StageInfo(BaseModel):
    """A stage and its parameters."""

    stage: str
    gpu: bool = Field(description="A GPU makes it faster")
    version: str = Field(description="Version of its code, which is part of the fingerprint")
    parameters: list[Parameter]


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
            StageInfo(
                stage=stage,
                gpu=spec.gpu,
                version=load(spec.module).VERSION,
                parameters=parameters.of(load(spec.module).Params, settings.params.get(stage, {})),
            )
            for stage, spec in settings.topology.stages.items()
        ]
    )
    return caching.revalidate(request, response, found) or found
