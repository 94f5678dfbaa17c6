"""The plan of a stage run, made before anything is claimed or downloaded.

Workers plan before each run, and replays before they request one. Both use this code, so a replay
predicts what the worker will do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel

from pipeline.core import upload_options as options
from pipeline.core.events import Upload
from pipeline.core.fingerprint import fingerprint
from pipeline.core.settings import Settings


@dataclass(frozen=True)
class Intent:
    """The planned run of a stage.

    Attributes:
        wanted: whether the uploader selected the stage.
        params: all parameters.
        identity: the models and engines to use; empty if the stage is not wanted.
        version: version of the stage's code.
        fingerprint: fingerprint of the expected result.
        given: parameters set by this replay and by earlier ones.
    """

    wanted: bool
    params: BaseModel
    identity: dict[str, str]
    version: str
    fingerprint: str
    given: dict[str, Any] = field(default_factory=dict)


class Plannable(Protocol):
    """The part of a stage's code that planning needs (``pipeline.core.stage.StageModule``)."""

    VERSION: str
    Params: type[BaseModel]

    def identity(self, params: Any) -> dict[str, str]:
        """Return the models and engines that make a result with ``params``."""


class Planner:
    """The planner of one stage's runs.

    Args:
        stage: name of the stage.
        module: code of the stage.
        settings: settings with the operator's parameters.
    """

    def __init__(self, stage: str, module: Plannable, settings: Settings) -> None:
        self._stage = stage
        self._module = module
        self._stages = list(settings.topology.stages)
        self._configured = settings.params.get(stage, {})

    def params(self, given: Mapping[str, Any]) -> BaseModel:
        """Return the operator's parameters, overridden by those given.

        Raises:
            InvalidArgument: ``bad_option``.
        """
        return options.validate(self._module.Params, self._stage, {**self._configured, **given})

    def intend(
        self, upload: Upload, metadata: Mapping[str, str], extra: Mapping[str, Any]
    ) -> Intent:
        """Plan a run from the operator's settings, the upload's options and the event.

        Args:
            upload: the source.
            metadata: its user metadata, which holds its options.
            extra: parameters of the event and of earlier replays; they take precedence.

        Raises:
            InvalidArgument: ``bad_option``.
            MissingDependency: the model, or the engine that runs it, is missing.
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
            given=dict(extra),
            fingerprint=fingerprint(
                content_id=upload.content_id,
                stage=self._stage,
                version=version,
                params=params.model_dump(mode="json"),
                identity=identity,
            ),
        )
