"""The fingerprint of a result: a hash of its inputs."""

import json
from hashlib import sha256
from typing import Any


def fingerprint(
    *, content_id: str, stage: str, version: str, params: dict[str, Any], identity: dict[str, str]
) -> str:
    """Return a hash of everything that a stage's result depends on: 32 hexadecimal digits.

    Args:
        content_id: content id of the source, equal for equal bytes.
        stage: name of the stage.
        version: version of the stage's code.
        params: all parameters, with defaults filled in, JSON-ready.
        identity: the models and engines that make the result.
    """
    parts = [content_id, stage, version, params, identity]
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode()).hexdigest()[:32]
