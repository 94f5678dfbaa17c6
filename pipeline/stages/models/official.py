"""The official checkpoints that can be fetched, each pinned to the sha256 of its bytes.

Whisper's digests are those in the ``openai-whisper`` package (its URLs contain them; a test
compares the two). Ultralytics publishes none: these are of its release ``v8.3.0`` and agree with
the digests that many independent projects pin.
"""

from dataclasses import dataclass

_WHISPER_URL = "https://openaipublic.azureedge.net/main/whisper/models"
_YOLO_URL = "https://github.com/ultralytics/assets/releases/download/v8.3.0"


@dataclass(frozen=True)
class Official:
    """A published checkpoint: its file name, its address and its digest."""

    file: str
    url: str
    sha256: str


def _whisper(stem: str, sha256: str) -> Official:
    return Official(f"{stem}.pt", f"{_WHISPER_URL}/{sha256}/{stem}.pt", sha256)


def _yolo(stem: str, sha256: str) -> Official:
    return Official(f"{stem}.pt", f"{_YOLO_URL}/{stem}.pt", sha256)


_LARGE_V3 = _whisper("large-v3", "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb")
_TURBO = _whisper(
    "large-v3-turbo", "aff26ae408abcba5fbf8813c21e62b0941638c5f6eebfb145be0c9839262a19a"
)

WHISPER: dict[str, Official] = {
    "tiny.en": _whisper(
        "tiny.en", "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03"
    ),
    "tiny": _whisper("tiny", "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9"),
    "base.en": _whisper(
        "base.en", "25a8566e1d0c1e2231d1c762132cd20e0f96a85d16145c3a00adf5d1ac670ead"
    ),
    "base": _whisper("base", "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e"),
    "small.en": _whisper(
        "small.en", "f953ad0fd29cacd07d5a9eda5624af0f6bcf2258be67c92b79389873d91e0872"
    ),
    "small": _whisper("small", "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794"),
    "medium.en": _whisper(
        "medium.en", "d7440d1dc186f76616474e0ff0b3b6b879abc9d1a4926b7adfa41db2d497ab4f"
    ),
    "medium": _whisper(
        "medium", "345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1"
    ),
    "large-v1": _whisper(
        "large-v1", "e4b87e7e0bf463eb8e6956e646f1e277e901512310def2c24bf0e11bd3c28e9a"
    ),
    "large-v2": _whisper(
        "large-v2", "81f7c96c852ee8fc832187b0132e569d6c3065a3252ed18e56effd0b6a73e524"
    ),
    "large-v3": _LARGE_V3,
    "large": _LARGE_V3,
    "large-v3-turbo": _TURBO,
    "turbo": _TURBO,
}

YOLO: dict[str, Official] = {
    official.file: official
    for official in (
        _yolo("yolo11n", "0ebbc80d4a7680d14987a577cd21342b65ecfd94632bd9a8da63ae6417644ee1"),
        _yolo("yolo11s", "85a76fe86dd8afe384648546b56a7a78580c7cb7b404fc595f97969322d502d5"),
        _yolo("yolo11m", "d5ffc1a674953a08e11a8d21e022781b1b23a19b730afc309290bd9fb5305b95"),
        _yolo("yolo11l", "9ebd0e09d59811db4b1d61e2bc6730649608b1ac47f8dd01e2da6bca7c20023f"),
        _yolo("yolo11x", "7bc158aa95c0ebfdd87f70f01653c1131b93e92522dbe15c228bcd742e773a24"),
    )
}

ALL: dict[str, Official] = WHISPER | YOLO
