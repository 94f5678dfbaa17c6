"""The rows that a run writes with its result, so that a search finds it."""

import secrets
import time
from collections.abc import Iterable
from typing import Any

from pipeline.aws.catalog.search_rows import page_sk, pages_pk, recent_row
from pipeline.core.search.pages import Packed


def new_document() -> str:
    """Return the id of a document: no other has it, so what is removed is never written again."""
    return secrets.token_hex(8)


def name_rows(video_id: str, words: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rows by which a video is found by its name; writing them again changes nothing."""
    return [recent_row(video_id, "", "", words, ()) | {"at": _now()}]


def document_rows(
    video_id: str,
    stage: str,
    document: str,
    packed: Packed,
    *,
    words: Iterable[str],
    languages: Iterable[str],
) -> list[dict[str, Any]]:
    """Return the rows of a document.

    Args:
        video_id: the video.
        stage: that made the result.
        document: its id.
        packed: its pages and terms.
        words: of the video's name.
        languages: of the speech.
    """
    pk = pages_pk(video_id)
    return [
        recent_row(video_id, stage, document, {*packed.terms, *words}, languages) | {"at": _now()},
        *(
            {"pk": pk, "sk": page_sk(document, name), "page": page}
            for name, page in packed.pages.items()
        ),
    ]


def _now() -> int:
    return round(time.time() * 1000)
