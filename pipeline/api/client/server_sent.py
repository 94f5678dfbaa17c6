"""Server-sent events, as the HTML standard defines their text."""

from dataclasses import dataclass
from json import loads
from typing import Any


@dataclass(frozen=True)
class Event:
    """An event of a stream.

    Attributes:
        type: its type.
        data: its text.
        id: the id from which a later stream continues.
    """

    type: str
    data: str
    id: str | None = None

    def json(self) -> Any:
        """Return the data, read as JSON."""
        return loads(self.data)


class Reader:
    """A reader of the lines of a stream."""

    def __init__(self) -> None:
        self._type = "message"
        self._data: list[str] = []
        self._id: str | None = None

    def line(self, text: str) -> Event | None:
        """Read a line; return the event that it ends, if it ends one."""
        if text:
            name, _, value = text.partition(":")
            self._field(name, value.removeprefix(" "))
            return None
        event = Event(self._type, "\n".join(self._data), self._id) if self._data else None
        self._type, self._data = "message", []
        return event

    def _field(self, name: str, value: str) -> None:
        match name:
            case "event":
                self._type = value
            case "data":
                self._data.append(value)
            case "id":
                self._id = value
