"""A pickler of moto's state."""

import pickle
import threading
from io import BytesIO
from typing import Any

from moto.s3.models import FakeKey
from moto.s3.utils import _VersionedKeyStore

_LOCK = type(threading.Lock())


class _Pickler(pickle.Pickler):
    """A pickler of moto's state: locks as new ones, bodies by name; it collects those names."""

    def __init__(self, file: BytesIO) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.bodies: set[str] = set()

    def reducer_override(self, thing: Any) -> Any:
        """Return how to make a thing again; the default way for most."""
        if isinstance(thing, FakeKey):
            self.bodies.add(vars(thing)["body"])
        elif isinstance(thing, _VersionedKeyStore):
            # Its ``items`` has only the last version of each object.
            return _VersionedKeyStore, (dict(dict.items(thing)),)
        elif isinstance(thing, threading.Condition):
            return threading.Condition, ()
        elif isinstance(thing, _LOCK):
            return threading.Lock, ()
        return NotImplemented


def pickled(thing: Any) -> tuple[bytes, set[str]]:
    """Return a part of the state, pickled, and the names of its bodies."""
    file = BytesIO()
    pickler = _Pickler(file)
    pickler.dump(thing)
    return file.getvalue(), pickler.bodies
