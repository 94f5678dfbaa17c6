"""The fetching of the models that this installation's stages use."""

from collections.abc import Callable, Iterable, Iterator

from pipeline.cli import bars
from pipeline.cli.console import err, plain
from pipeline.core.errors import VideodropError
from pipeline.core.settings import Settings
from pipeline.stages import loading
from pipeline.stages.models import registry, weights


def wanted(settings: Settings, stages: Iterable[str] | None = None) -> list[str]:
    """Return the names of the published models that stages use; for ``auto`` the best ones."""
    names: list[str] = []
    for stage in stages or settings.topology.stages:
        names += (name for name in _of_stage(stage, settings) if name not in names)
    return names


def _of_stage(stage: str, settings: Settings) -> Iterator[str]:
    try:
        module = loading.module(stage, settings)
        params = module.Params(**settings.params.get(stage, {}))
        model = getattr(params, "model", None)
        if model == registry.AUTO:
            concrete = registry.get(module.identity(params).get("model", ""))
            model = weights.default(concrete.kind) if concrete else None
    except (VideodropError, ImportError):  # the stage itself says what it lacks
        return
    if isinstance(model, str) and registry.get(model):
        yield model


def missing(names: Iterable[str]) -> list[registry.Model]:
    """Return the models among ``names`` that have to be fetched."""
    found = (registry.get(name) for name in names if not weights.is_here(name))
    return [model for model in found if model and not model.knows]


def before_start(
    settings: Settings, stages: Iterable[str] | None = None, *, quiet: bool = False
) -> None:
    """Fetch what stages lack, with a bar; go on without it where it cannot be had.

    Nothing is printed, and nothing uses the network, if all models are here or fetching is off.
    """
    loading.use_model_host(settings)
    lacking = missing(wanted(settings, stages))
    if not (settings.fetch and lacking):
        return
    tell: Callable[[str], None] = (lambda _: None) if quiet else err.print
    sizes = ", ".join(f"{one.name} ({one.size / 1e6:,.0f} MB, {one.licence})" for one in lacking)
    tell(f"Fetching models once into {plain(str(settings.model_dir))}: {plain(sizes)}.")
    for model in lacking:
        try:
            with bars.FetchBars(err, quiet=quiet) as shown:
                weights.resolve(model.name, progress=shown)
        except VideodropError as error:
            instead = weights.choose(registry.AUTO, model.kind)
            tell(
                f"[yellow]Going on without {model.name}; auto means {instead}. "
                f"{plain(error.message)}[/yellow]"
            )
