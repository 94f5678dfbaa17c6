"""The page of the command line, from the Typer app."""

from collections.abc import Iterator
from typing import Any, get_args

import typer.main

from docs.generate import text
from pipeline.cli import commands, exits

_PROGRAM = "videodrop"


def page() -> str:
    """Return the page."""
    lines = text.heading(
        "Command line",
        f"`{_PROGRAM} COMMAND --help` shows the same. Results go to standard output, progress and "
        "errors to\nstandard error. With `--json` both are JSON.",
    )
    lines += ["## Exit codes", "", text.cell((exits.__doc__ or "").split("\n\n")[1]), ""]
    for name, command in _commands(_PROGRAM, typer.main.get_command(commands.app)):
        lines += _section(name, command)
    return text.page(lines)


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield name, command
    for child, below in getattr(command, "commands", {}).items():
        yield from _commands(f"{name} {child}", below)


def _section(name: str, command: Any) -> list[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    usage = [name, *(["[OPTIONS]"] if options else []), *map(_placeholder, arguments)]
    below = getattr(command, "commands", {})
    # A group is used by its commands, which have sections of their own.
    said = f"Commands: {', '.join(map(text.code, below))}." if below else text.code(" ".join(usage))
    lines = [f"## {name}", "", said, ""]
    for paragraph in (command.help or "").strip().split("\n\n"):
        if paragraph and not paragraph.startswith("Args:"):
            lines += [text.cell(paragraph).replace("``", "`"), ""]
    rows = [[_spelled(one), _type(one), _default(one), one.help or ""] for one in command.params]
    return [*lines, *(text.table(["Name", "Type", "Default", "Meaning"], rows) if rows else [])]


def _placeholder(argument: Any) -> str:
    word = argument.metavar or argument.name.upper()
    many = "..." if argument.nargs == -1 else ""
    return f"{word}{many}" if argument.required else f"[{word}]{many}"


def _spelled(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return text.code(_placeholder(parameter))
    return ", ".join(map(text.code, (*parameter.opts, *parameter.secondary_opts)))


def _type(parameter: Any) -> str:
    return _named(parameter.type_descriptor.annotation)


def _named(annotation: Any) -> str:
    arguments = [one for one in get_args(annotation) if one is not type(None)]
    if not arguments:
        return {"bool": "flag", "str": "text", "int": "integer", "float": "number"}.get(
            getattr(annotation, "__name__", ""), getattr(annotation, "__name__", "").lower()
        )
    if all(isinstance(one, str) for one in arguments):
        return ", ".join(map(text.code, arguments))
    many = getattr(annotation, "__origin__", None) in {list, tuple}
    return ", ".join(map(_named, arguments[:1])) + (", repeatable" if many else "")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    found = parameter.default
    if found is None or found is False or found in ([], ()) or callable(found):
        return ""
    return text.code(found)
