"""The entry point; every error ends as an exit code and a message.

Results go to standard output, progress and errors to standard error. With ``--json`` both hold
JSON alone: an error is one line, ``{"error": {"class", "code", "message"}}``.
"""

import json
import logging
import os
import sys
from typing import NoReturn

from typer.exceptions import TyperException

from pipeline.aws import clients as aws
from pipeline.cli import commands, console
from pipeline.core import setting_names
from pipeline.core.errors import InvalidArgument, MissingDependency, VideodropError


def main() -> None:
    """Run the command line; errors become a sentence, or JSON, and an exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    if region := os.environ.get("AWS_REGION"):
        os.environ.setdefault("AWS_DEFAULT_REGION", region)  # the only one boto3 reads
    # Read before parsing, because the parser's own errors are printed as JSON, too.
    as_json = "--json" in sys.argv[1:]
    if not as_json:
        for sentence in setting_names.mistyped(os.environ):
            console.err.print(f"[yellow]{console.plain(sentence)}[/yellow]")
    try:
        sys.exit(commands.app(standalone_mode=not as_json))
    except TyperException as error:
        _die(InvalidArgument("bad_usage", str(error)), as_json=as_json)
    except aws.ERRORS as error:
        _die(aws.as_failure(error), as_json=as_json)
    except ModuleNotFoundError as error:
        _die(
            MissingDependency(
                "not_installed",
                f"The Python package {error.name} is not installed here. `videodrop doctor` shows "
                "how to get it.",
            ),
            as_json=as_json,
        )
    except VideodropError as error:
        _die(error, as_json=as_json)


def _die(error: VideodropError, *, as_json: bool) -> NoReturn:
    if as_json:
        said = {"class": error.failure_class, "code": error.code, "message": error.message}
        sys.stderr.write(json.dumps({"error": said}, ensure_ascii=False) + "\n")
    else:
        lines = "\n".join(map(console.plain, error.message.splitlines()))
        console.err.print(f"[red]{lines}[/red] [dim]{error.code}[/dim]")
    sys.exit(error.exit_code)
