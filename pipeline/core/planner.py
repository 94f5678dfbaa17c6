"""What a stage would do with an upload: known before anything is claimed or downloaded.

A worker asks this before each run, and a replay before it asks for one: both so come to the same
answer, and what was predicted is what happens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from pipeline.core import upload_options as options
from pipeline.core.events import Upload
from pipeline.core.fingerprint import fingerprint
from pipeline.core.settings import Settings


@dataclass(frozen=True)
class Intent:
    """What a stage would do.

    Attributes:
        wanted: whether the uploader wants the stage at all.
        params: complete.
        identity: the models and engines it would use; empty where it is not wanted.
        version: of the stage's code.
        fingerprint: of the result there would be.
    """

    wanted: bool
    params: BaseModel
    identity: dict[str, str]
    version: str
    fingerprint: str


class Plannable(Protocol):
    """What planning needs of a stage's code (``pipeline.core.stage.StageModule``)."""

    VERSION: str
    Params: type[BaseModel]

    def identity(self, params: Any) -> dict[str, str]:
        """The models and engines behind a result with ``params``."""


class Planner:
    """Plans the runs of one stage.

    Args:
        stage: its name.
        module: its code.
        settings: the operator's own parameters.
    """

    def __init__(self, stage: str, module: Plannable, settings: Settings) -> None:
        self._stage = stage
        self._module = module
        self._stages = list(settings.topology.stages)
        self._configured = settings.params.get(stage, {})

    def params(self, given: Mapping[str, Any]) -> BaseModel:
        """The operator's parameters, and over them those given.

        Raises:
            InvalidArgument: ``bad_option``.
        """
        return options.validate(self._module.Params, self._stage, {**self._configured, **given})

    def intend(
        self, upload: Upload, metadata: Mapping[str, str], extra: Mapping[str, Any]
    ) -> Intent:
        """What shall run, from the operator's settings, the upload's options and the event.

        Args:
            upload: the source.
            metadata: its user metadata, which holds its options.
            extra: parameters that the event asks for; they win.

        Raises:
            InvalidArgument: ``bad_option``.
            MissingDependency: the model, or the engine that runs it, is not there.
        """
        asked = options.parse(metadata, self._stages)
        params = self.params({**asked.params.get(self._stage, {}), **extra})
        wanted = asked.wants(self._stage)
        # A stage that is not wanted need not have its model.
        identity = self._module.identity(params) if wanted else {}
        version = self._module.VERSION
        return Intent(
            wanted=wanted,
            params=params,
            identity=identity,
            version=version,
            fingerprint=fingerprint(
                content_id=upload.content_id,
                stage=self._stage,
                version=version,
                params=params.model_dump(mode="json"),
                identity=identity,
            ),
        )
