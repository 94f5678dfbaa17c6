"""Stubs of the libraries that GPU clouds have on their hosts, as far as we use them."""

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any


def runpod(jobs: list[dict[str, Any]]) -> ModuleType:
    """Return RunPod's library with these jobs; ``answers`` has what the handler returns.

    https://docs.runpod.io/serverless/workers/handler-functions
    """
    library = ModuleType("runpod")
    answers: list[Any] = []

    def start(config: dict[str, Any]) -> None:
        answers.extend(config["handler"](job) for job in jobs)

    library.serverless = SimpleNamespace(start=start)  # type: ignore[attr-defined]
    library.answers = answers  # type: ignore[attr-defined]
    return library


class Chain:
    """Any image or secret: each method returns it, and ``calls`` has what was called.

    ``named`` has the keyword arguments of each method.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.named: dict[str, dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Callable[..., "Chain"]:
        def called(*given: Any, **more: Any) -> "Chain":
            self.calls.append((name, given))
            self.named[name] = more
            return self

        return called


def modal() -> ModuleType:
    """Return Modal's library, whose apps keep what their classes were declared with.

    https://modal.com/docs/reference/modal.App
    """
    library = ModuleType("modal")

    class App:
        def __init__(self, name: str) -> None:
            self.name = name
            self.options: dict[str, Any] = {}

        def cls(self, **options: Any) -> Callable[[type], type]:
            self.options = options
            return lambda declared: declared

    def marked(name: str) -> Callable[..., Any]:
        def decorator(**options: Any) -> Callable[[Any], Any]:
            def mark(method: Any) -> Any:
                method.modal = name, options
                return method

            return mark

        return decorator

    library.App = App  # type: ignore[attr-defined]
    library.Image, library.Secret = Chain(), Chain()  # type: ignore[attr-defined]
    library.Retries = dict  # type: ignore[attr-defined]
    for name in ("enter", "exit", "method"):
        setattr(library, name, marked(name))
    return library


def steps(declared: type, name: str, **options: Any) -> list[str]:
    """Return the names of a class's methods that were declared so, in their order."""
    wanted = name, options
    return [key for key, one in vars(declared).items() if getattr(one, "modal", None) == wanted]
