"""The code of a stage, with its models set up for this process."""

from importlib import import_module

from pipeline.core import upload_options as options
from pipeline.core.errors import InvalidArgument, InvalidSettings, VideodropError
from pipeline.core.settings import Settings
from pipeline.core.stage import StageModule, load
from pipeline.stages.models import device, host

_MODULES = {"openai-whisper": "whisper"}  # of engines whose module has another name


def check_device(config: Settings) -> None:
    """Check that this process's stage, if it needs a GPU, can use the configured device.

    Raises:
        MissingDependency: ``no_device``, or the stage's engine is not installed.
    """
    stage = config.stage or ""
    spec = config.topology.stages.get(stage)
    if spec and spec.gpu and config.device not in {"auto", "cpu"}:
        found = module(stage, config)
        identity = found.identity(found.Params(**config.params.get(stage, {})))
        device.check(config.device, identity.get("engine", "torch"))


def prepare(config: Settings) -> None:
    """Import the libraries of this process's stage, and get and check its weights.

    No device is used: this may come before a snapshot, or before a GPU is there.

    Raises:
        InvalidArgument: ``unknown_stage``.
        VideodropError: the weights cannot be had.
    """
    stage = config.stage or ""
    found = module(stage, config)
    params = found.Params(**config.params.get(stage, {}))
    found.prepare(params)
    engine = found.identity(params).get("engine", "")
    names = [*getattr(found, "PACKAGES", {}), _MODULES.get(engine, engine)]
    for name in filter(None, names):
        import_module(name)


def use_model_host(config: Settings) -> None:
    """Configure how models run in this process, from its settings."""
    host.use(
        host.ModelHost(
            threads=config.threads,
            device=config.device,
            model_dir=config.model_dir,
            engines=config.engines,
            fetch=config.fetch,
            mirror=config.model_mirror,
        )
    )


def module(stage: str, config: Settings) -> StageModule:
    """Load the code of ``stage``, and configure its models from the settings.

    Raises:
        InvalidArgument: ``unknown_stage``.
        InvalidSettings: ``bad_settings``: the operator's parameters of the stage are wrong.
    """
    spec = config.topology.stages.get(stage)
    if spec is None:
        raise InvalidArgument(
            "unknown_stage",
            f"There is no stage {stage!r}; {config.topology_path} has "
            f"{', '.join(config.topology.stages)}.",
        )
    use_model_host(config)
    found = load(spec.module)
    try:
        options.validate(found.Params, stage, config.params.get(stage, {}))
    except VideodropError as error:
        raise InvalidSettings(
            "bad_settings", f"VIDEODROP_PARAMS is wrong: {error.message}"
        ) from error
    return found
