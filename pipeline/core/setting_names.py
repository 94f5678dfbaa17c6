"""Environment variables that look like settings and are none: most are mistyped."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from pipeline.core.settings import Settings

PREFIX = "VIDEODROP_"
# Variables that are not settings of this process: of the command line, and of the tests.
_OTHERS = frozenset({"VIDEODROP_CLOUD", "VIDEODROP_TERRAFORM_PLUGINS"})
_NESTED = tuple(f"VIDEODROP_{name}__" for name in ("PARAMS", "CDN", "SIGN_IN", "ENGINES", "POOL"))


def known() -> list[str]:
    """Return the names of all settings."""
    return sorted(
        str(field.validation_alias or PREFIX + name.upper())
        for name, field in Settings.model_fields.items()
    )


def mistyped(variables: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each variable that is not a setting, with the nearest name."""
    names = [*known(), *_OTHERS]
    for one in sorted(variables):
        if one.startswith(PREFIX) and one not in names and not one.startswith(_NESTED):
            rests = [name.removeprefix(PREFIX) for name in names]  # what all share says nothing
            near = get_close_matches(one.removeprefix(PREFIX), rests, n=1)
            hint = f" Did you mean {PREFIX}{near[0]}?" if near else ""
            yield f"{one} is not a setting, so it has no effect.{hint}"
