"""A replacement of one attribute of moto."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True)
class Patch:
    """A replacement of one attribute of moto.

    Attributes:
        owner: the module or class that has the attribute.
        name: of the attribute.
        replace: takes moto's value and returns the one to put in its place.
    """

    owner: Any
    name: str
    replace: Callable[[Any], Any]

    def apply(self) -> None:
        """Put the replacement in place, in this process."""
        setattr(self.owner, self.name, self.replace(getattr(self.owner, self.name)))
