"""The commands ``models``: list, fetch, verify, convert, export and remove models."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from pipeline import bootstrap
from pipeline.cli import bars, exits, fetching
from pipeline.cli.arguments import AsJson
from pipeline.cli.console import err, out, paint, plain, print_json
from pipeline.core.errors import InvalidArgument, NotFound, VideodropError
from pipeline.stages import loading
from pipeline.stages.models import making, registry, store, weights
from pipeline.stages.models.registry import Model

app = typer.Typer(help="List, fetch, verify, convert, export and remove models.")

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Models by name")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A model by name")]


@app.command("list")
def list_models(*, as_json: AsJson = False) -> None:
    """List all models that have a name, and whether they are on this machine."""
    settings = _set_up()
    auto = {kind: weights.choose(registry.AUTO, kind) for kind in registry.DEMONSTRATION}
    rows = [_row(model) for model in registry.models().values()]
    if as_json:
        print_json({"folder": str(settings.model_dir), "auto": auto, "models": rows})
        return
    aliases = {name: alias for alias, name in registry.ALIASES.items()}
    table = Table("name", "kind", "format", "size", "licence", "languages", "state", box=None)
    for row in rows:
        table.add_row(
            " or ".join(filter(None, (row["name"], aliases.get(row["name"])))),
            row["kind"],
            row["form"],
            f"{row['bytes'] / 1e6:,.0f} MB" if row["bytes"] else "",
            row["licence"],
            row["languages"] if row["kind"] == "speech" else "",
            paint(row["state"]),
        )
    out.print(table)
    out.print(f"auto: {', '.join(f'{name} ({kind})' for kind, name in auto.items())}")


@app.command()
def fetch(names: Names = None, *, as_json: AsJson = False) -> None:
    """Fetch models, by default those that this installation's stages use."""
    settings = _set_up()
    chosen = names or fetching.wanted(settings)
    for name in chosen:
        _known(name)
    found = []
    for name in chosen:
        here = weights.is_here(name)
        with bars.FetchBars(err, quiet=as_json) as shown:
            one = weights.resolve(name, progress=shown)
        found.append({"name": name, "path": str(one.path), "sha256": one.sha256})
        if not as_json:
            out.print(f"{name}: {'was here' if here else 'fetched'}, {plain(str(one.path))}")
    if as_json:
        print_json({"models": found})


@app.command()
def verify(names: Names = None, *, as_json: AsJson = False) -> None:
    """Read models completely and compare their digests, by default of all that are here."""
    _set_up()
    models = [_known(name) for name in names] if names else list(registry.models().values())
    chosen = [model.name for model in models if names or store.find(model)]
    findings = []
    for name in chosen:
        finding: dict[str, Any] = {"name": name, "verdict": "ok", "detail": ""}
        try:
            finding["detail"] = weights.verify(name).sha256
        except VideodropError as error:
            finding |= {"verdict": "missing", "detail": error.message}
        findings.append(finding)
        if not as_json:
            out.print(f"{paint(finding['verdict'])} {name} {plain(finding['detail'])}")
    if as_json:
        print_json({"models": findings})
    if any(finding["verdict"] != "ok" for finding in findings):
        raise typer.Exit(exits.FAILED)


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="A Whisper checkpoint in OpenAI's format, .pt")],
    *,
    name: Annotated[str | None, typer.Option(help="Name of the folder; the file's stem")] = None,
    as_json: AsJson = False,
) -> None:
    """Convert a Whisper checkpoint to CTranslate2, without torch."""
    _set_up()
    chosen = name or file.stem
    if not chosen.strip(".") or Path(chosen).name != chosen or registry.get(chosen):
        raise InvalidArgument(
            "bad_option",
            f"--name {chosen!r}: choose a name without slashes that no other model has.",
        )
    if not file.is_file():
        raise InvalidArgument("not_a_file", f"{file} is not a file.")
    with bars.FetchBars(err, quiet=as_json) as shown:
        path = weights.convert(file, chosen, progress=shown)
    _say_path(path, "transcribe", as_json=as_json)


@app.command()
def export(name: Name, *, as_json: AsJson = False) -> None:
    """Export a detector of Ultralytics to ONNX, which runs without torch and Ultralytics."""
    from pipeline.stages.detect.export import export as with_ultralytics  # noqa: PLC0415 - an extra

    _set_up()
    model = registry.in_form(_known(name), "onnx")
    if model is None or model.made_from is None:
        raise InvalidArgument("bad_option", f"{name} is not a checkpoint of Ultralytics.")
    with bars.FetchBars(err, quiet=as_json) as shown:
        source = weights.resolve(model.made_from, progress=shown)
    path = store.place(model.path)
    making.export(path, sha256=source.sha256, with_function=partial(with_ultralytics, source))
    _say_path(path, "detect", as_json=as_json, name=model.name)


@app.command()
def remove(name: Name, *, as_json: AsJson = False) -> None:
    """Remove a fetched, converted or exported model from this machine."""
    _set_up()
    known = registry.get(name)
    path = store.find(known) if known else store.place(name) if Path(name).name == name else None
    if known and known.knows and not known.made_from:
        raise InvalidArgument("bad_option", f"{name} is part of this installation.")
    if path is None or not ((path.is_dir() and store.made_from(path)) or known):
        raise NotFound("model_not_here", f"There is no model {name} on this machine.")
    store.remove(path)
    if as_json:
        print_json({"removed": str(path)})
    else:
        out.print(f"removed {plain(str(path))}")


def _set_up() -> Any:
    settings = bootstrap.settings()
    loading.use_model_host(settings)
    return settings


def _known(name: str) -> Model:
    model = registry.get(name)
    if model is None:
        raise NotFound(
            "model_not_known", f"There is no model {name!r}; `videodrop models list` shows all."
        )
    return model


def _row(model: Model) -> dict[str, Any]:
    here = store.find(model)
    return {
        "name": model.name,
        "kind": model.kind,
        "form": model.form,
        "bytes": model.size,
        "licence": model.licence,
        "languages": model.languages,
        "source": model.source,
        "sha256": model.sha256,
        "knows": model.knows,
        "state": "demonstration" if model.knows else "here" if here else "not here",
        "path": str(here) if here else None,
    }


def _say_path(path: Path, stage: str, *, as_json: bool, name: str | None = None) -> None:
    use = f"VIDEODROP_PARAMS__{stage.upper()}__MODEL={name or path}"
    if as_json:
        print_json({"path": str(path), "use": use})
    else:
        out.print(f"{plain(str(path))}\nUse it: {plain(use)}")
