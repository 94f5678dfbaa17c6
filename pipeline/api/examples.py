"""Examples of values of a JSON Schema, composed of those of its fields."""

from collections.abc import Mapping
from typing import Any

MISSING = "…"
"""The example of a text that has none: a test finds it, and names the field."""

# Values of fields by name, where their type allows it. A field's own example comes first.
_KNOWN: Mapping[str, Any] = {
    "after": "circle",
    "before": "circus",
    "best_confidence": 0.87,
    "bit_depth": 8,
    "bucket": "videodrop-uploads",
    "bytes": 41_943_040,
    "channels": 2,
    "chapters": 0,
    "code": "demo_model",
    "code_version": "4",
    "codec": "h264",
    "codecs": "avc1.64001f,mp4a.40.2",
    "coded_height": 720,
    "coded_width": 1280,
    "confidence": 0.87,
    "container": "mov,mp4,m4a,3gp,3g2,mj2",
    "dolby_vision": None,
    "download_url": "https://videodrop-artifacts.s3.amazonaws.com/video.mp4?X-Amz-Signature=…",
    "duration_s": 62.5,
    "engine": "ctranslate2",
    "engine_version": "4.6.0",
    "error": None,
    "event_id": "17793124-05d4-b198-2fde-7ededc63b103",
    "fingerprint": "3f786850e387550fdab836ed7e6dc881",
    "flags": "default",
    "fps": 30,
    "gained": "dog",
    "height": 720,
    "hole": None,
    "index": 0,
    "key": "videos/20260131T120000123-1f2e3d4c/holiday.mp4",
    "label": "dog",
    "labels": "dog",
    "language": "en",
    "layout": "stereo",
    "links": {"self": "/videos/5c1e6f0a9b3d27481f60"},
    "lost": "cat",
    "media_seconds": 62.5,
    "media_type": "video/mp4",
    "message": "The demonstration model knows only coloured shapes.",
    "model": "yolox_s",
    "models": {"model": "yolox_s", "engine": "onnxruntime"},
    "name": "holiday.mp4",
    "next_cursor": "MjAyNi0wMS0zMVQxMjowMDowMFo",
    "part_count": 3,
    "part_size": 16_777_216,
    "parts": None,
    "peak_nits": None,
    "percent": 100,
    "pix_fmt": "yuv420p",
    "poster": "https://videodrop-artifacts.s3.amazonaws.com/poster.jpg?X-Amz-Signature=…",
    "prices": "us-east-1, 2026-01-31",
    "probability": 0.98,
    "progress": 100,
    "revision": "3HL4kqtJvjVBH40Nrjfkd",
    "role": "mp4",
    "sample_rate": 48_000,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "size": 41_943_040,
    "size_bytes": 41_943_040,
    "stage": "transcribe",
    "stages": "transcribe",
    "state": "succeeded",
    "status": "ready",
    "summary": {},
    "task": "transcribe",
    "text": " A red circle.",
    "time_base": "1/15360",
    "title": "Introduction",
    "total": 3,
    "url": "https://videodrop-artifacts.s3.amazonaws.com/video.mp4?X-Amz-Signature=…",
    "value": "dog",
    "version": "1.0.0",
    "video_id": "5c1e6f0a9b3d27481f60",
    "width": 1280,
}
_TYPES: Mapping[type, tuple[str, ...]] = {
    str: ("string",),
    int: ("integer", "number"),
    float: ("number",),
    dict: ("object",),
    type(None): ("null",),
}
_FORMATS: Mapping[str, str] = {"date-time": "2026-01-31T12:00:00Z", "date": "2026-01-31"}


def compose(schema: Mapping[str, Any], components: Mapping[str, Any], name: str = "") -> Any:
    """Return an example of ``schema``.

    Args:
        schema: a schema, as pydantic writes it.
        components: the schemas that it refers to, by name.
        name: of the field that has it.
    """
    if reference := schema.get("$ref"):
        target = reference.rpartition("/")[2]
        return _first(schema) or compose(components[target], components, name)
    if (own := _first(schema)) is not None:
        return own
    if name in _KNOWN and _fits(_KNOWN[name], schema):
        return _KNOWN[name]
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        found = compose(choices[0], components, name)
        return None if found == MISSING and {"type": "null"} in choices else found
    if schema.get("type") == "array":
        items = schema.get("prefixItems") or [schema.get("items", {})]
        return [compose(one, components, name) for one in items]
    if schema.get("type") == "object":
        return _object(schema, components, name)
    return _plain(schema)


def _plain(schema: Mapping[str, Any]) -> Any:
    """Return an example of a text, a number or a truth value."""
    if values := schema.get("enum"):
        return values[0]
    match schema.get("type"):
        case "string":
            return schema.get("const", _FORMATS.get(schema.get("format", ""), MISSING))
        case "integer":
            return schema.get("minimum", 1)
        case "number":
            return schema.get("minimum", 1.5)
        case "boolean":
            return schema.get("default", True)
    return None


def _object(schema: Mapping[str, Any], components: Mapping[str, Any], name: str) -> Any:
    if fields := schema.get("properties"):
        return {key: compose(one, components, key) for key, one in fields.items()}
    values = schema.get("additionalProperties")
    found = compose(values, components, name) if isinstance(values, dict) else None
    return {} if found is None else {name: found}


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return True if a schema without references allows ``value``, by its type or its values."""
    if choices := schema.get("anyOf"):
        return any(_fits(value, one) for one in choices)
    if "const" in schema:
        return bool(value == schema["const"])
    if values := schema.get("enum"):
        return value in values
    if "properties" in schema or "format" in schema:
        return False
    if isinstance(value, dict) and value:
        return schema.get("additionalProperties") == {"type": "string"}
    return schema.get("type") in _TYPES[type(value)]


def _first(schema: Mapping[str, Any]) -> Any:
    return next(iter(schema.get("examples", ())), None)
