"""Write a JSON object with one long array in it, item by item.

Each item has a line of its own, so a reader can page through the array by lines without parsing
the whole, and any JSON parser reads it as what it is.
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
    """Open ``path`` for ``{**head, name: [items]}``; the value takes one item after another."""
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({**head, name: []}, allow_nan=False).removesuffix("]}"))
        separator = "\n"

        def add(item: Mapping[str, Any]) -> None:
            nonlocal separator
            file.write(separator + json.dumps(item, allow_nan=False))
            separator = ",\n"

        yield add
        file.write("\n]}\n")
