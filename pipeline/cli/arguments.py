"""Arguments and options that several commands share."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output")]
Reference = Annotated[str, typer.Argument(help="A video's id, or the file name of its upload")]
