"""A writer of a JSON object with one long array, item by item.

Each item has its own line, so a reader can read the array by lines without parsing all of it. The
file is valid JSON for any parser.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def json_array(
    path: Path, head: Mapping[str, Any], name: str
) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Open ``path`` for ``{**head, name: [items]}``; the context's value adds one item."""
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({**head, name: []}, allow_nan=False).removesuffix("]}"))
        separator = "\n"

        def add(item: Mapping[str, Any]) -> None:
            nonlocal separator
            file.write(separator + json.dumps(item, allow_nan=False))
            separator = ",\n"

        yield add
        file.write("\n]}\n")
