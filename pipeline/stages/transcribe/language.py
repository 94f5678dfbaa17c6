"""The language of the speech: as a parameter, and as the model supports it."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pipeline.core import languages
from pipeline.core.errors import BadInput
from pipeline.core.stage import Notice
from pipeline.stages.transcribe.engine import SpeechEngine

# Whisper's own codes, where they differ from the usual ones.
_OWN = {"jv": "jw", "nb": "no"}


def _code(given: Any) -> Any:
    """Return Whisper's code of a language tag; other values as they are."""
    code = languages.code(given) if isinstance(given, str) else None
    return _OWN.get(code, code) if code else given


Language = Annotated[str, BeforeValidator(_code), Field(pattern="^[a-z]{2,3}$")]
"""A language as a parameter: any tag or code of it, such as ``de-AT``; its value is Whisper's."""


def chosen(
    language: str | None, task: str, model: str, engine: SpeechEngine
) -> tuple[str | None, list[Notice]]:
    """Return the requested language if the model supports it, or None to detect it.

    Raises:
        BadInput: ``unknown_language``, ``translate_unsupported``: the model does not support it.
    """
    if engine.languages != ("en",):
        if language and language not in engine.languages:
            raise BadInput("unknown_language", f"The model {model} does not support {language!r}.")
        return language, []
    if task == "translate":
        raise BadInput(
            "translate_unsupported",
            f"The model {model} supports only English and cannot translate: "
            "choose a multilingual one, such as 'small'.",
        )
    if language in (None, "en"):
        return "en", []
    message = f"The model {model} supports only English; {language!r} was requested."
    return "en", [Notice(code="language_forced", message=message)]
