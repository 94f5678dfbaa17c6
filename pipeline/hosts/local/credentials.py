"""The embedded AWS's credentials, created once for each home, in the form that AWS clients read.

``aws.config`` holds the keys, the region and, once the server is up, the endpoint, as profile
``videodrop``. Presigned addresses and configured clients therefore stay valid after a restart.
"""

import configparser
import secrets
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from pipeline.hosts.local.signature import Keys
from pipeline.hosts.private_file import is_private, write_private

PROFILE = "videodrop"
_SECTION = f"profile {PROFILE}"


class Credentials:
    """The file ``aws.config`` of a home, readable only by its owner.

    Args:
        path: the file; created with new keys if it does not exist, has none, or if others may have
            written or read it.
        region: the region of its profiles.
        others: further profiles, by name.
    """

    def __init__(
        self, path: Path, region: str, others: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self.path = path
        self._others = others or {}
        known = configparser.ConfigParser(interpolation=None)
        if path.exists() and is_private(path):
            known.read(path)
        try:
            section = known[_SECTION]
            self.keys = Keys(section["aws_access_key_id"], section["aws_secret_access_key"])
        except KeyError:
            # The key ID is public, but random too, so that each home has its own.
            self.keys = Keys(f"VD{secrets.token_hex(9).upper()}", secrets.token_urlsafe(30))
        self._region = region
        self._write({})

    def set_endpoint(self, endpoint: str) -> None:
        """Write the endpoint into the profile."""
        self._write({"endpoint_url": endpoint})

    def _write(self, more: dict[str, str]) -> None:
        config = configparser.ConfigParser(interpolation=None)
        config["default"] = {"region": self._region}
        config[_SECTION] = {
            "region": self._region,
            "aws_access_key_id": self.keys.access_key_id,
            "aws_secret_access_key": self.keys.secret_access_key,
            **more,
        }
        for name, section in self._others.items():
            config[f"profile {name}"] = section
        text = StringIO()
        config.write(text)
        write_private(self.path, text.getvalue())
