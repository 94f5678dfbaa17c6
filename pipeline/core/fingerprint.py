"""What makes a result the same result."""

import json
from hashlib import sha256
from typing import Any


def fingerprint(
    *, content_id: str, stage: str, version: str, params: dict[str, Any], identity: dict[str, str]
) -> str:
    """Hash of everything a stage's result depends on. 32 hexadecimal digits.

    Args:
        content_id: of the source: equal for equal bytes.
        stage: its name.
        version: of the stage's code.
        params: complete, with defaults filled in, JSON-ready.
        identity: the models and engines behind the result.
    """
    parts = [content_id, stage, version, params, identity]
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode()).hexdigest()[:32]
