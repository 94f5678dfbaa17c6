"""The check of an upload's options before its first byte is sent, as the stages check them."""

import contextlib
from collections.abc import Mapping

from pipeline.core import upload_options as options
from pipeline.core.settings import Settings
from pipeline.core.stage import load


def check(given: Mapping[str, str], settings: Settings) -> None:
    """Check options; those of a stage whose code is not here are checked by its own host.

    Args:
        given: names without the prefix, and values.
        settings: with the stages, and the operator's parameters.

    Raises:
        InvalidArgument: ``bad_option``.
    """
    metadata = {options.PREFIX + name: value for name, value in given.items()}
    stages = settings.topology.stages
    for stage, params in options.parse(metadata, list(stages)).params.items():
        with contextlib.suppress(ModuleNotFoundError):
            model = load(stages[stage].module).Params
            options.validate(model, stage, {**settings.params.get(stage, {}), **params})
