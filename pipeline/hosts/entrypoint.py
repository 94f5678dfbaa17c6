"""The process of a container, on every host.

``python -m pipeline.hosts.entrypoint [HANDLER]`` runs what the host needs:

    AWS_LAMBDA_RUNTIME_API is set   Lambda: the runtime client, awslambdaric
    PORT is set                     an HTTP server: the query API, or a handler's pushed events
    neither, or PORT is empty       the worker, which polls the handler's queues

HANDLER has the form that Lambda uses. ``handlers.stage.handler`` is the stage ``VIDEODROP_STAGE``.
Without that variable a worker hosts all stages; it hosts several that are separated by commas.
"""

import logging
import os
import sys

from pipeline.core.errors import MissingDependency, VideodropError

log = logging.getLogger(__name__)

STAGE = "handlers.stage.handler"
QUERY = "handlers.query.handler"
_HIGHEST_PORT = 65535


def main(arguments: list[str]) -> None:
    """Run the process that this host needs.

    Raises:
        VideodropError: a setting is wrong or missing, or the handler is unknown.
    """
    handler = arguments[0] if arguments else STAGE
    if region := os.environ.get("AWS_REGION"):
        os.environ.setdefault("AWS_DEFAULT_REGION", region)  # the only one boto3 reads
    if os.environ.get("AWS_LAMBDA_RUNTIME_API"):
        os.execv(sys.executable, [sys.executable, "-m", "awslambdaric", handler])  # noqa: S606 - that is how to become another program
    _check_region()
    port = os.environ.get("PORT")
    if not port:
        _poll(handler)
    elif handler == QUERY:
        _serve_api(_number(port))
    else:
        _serve_events(handler, _number(port))


def names(handler: str, stage: str | None) -> list[str] | None:
    """Return the names of the functions that ``handler`` serves; None for all stages.

    Raises:
        MissingDependency: ``unknown_handler``.
    """
    from pipeline.hosts.worker.functions import HANDLERS  # noqa: PLC0415 - a Lambda cold start needs none of it

    if handler == STAGE:
        return stage.split(",") if stage else None
    known = {of: name for name, of in HANDLERS.items()}
    if handler not in known:
        raise MissingDependency(
            "unknown_handler",
            f"{handler} takes no events from queues; choose from {', '.join((STAGE, *known))}, "
            f"or set PORT to serve {QUERY}.",
        )
    return [known[handler]]


def _check_region() -> None:
    from pipeline.aws import clients as aws  # noqa: PLC0415 - see above

    aws.region()


def _poll(handler: str) -> None:
    from pipeline import bootstrap  # noqa: PLC0415 - see above
    from pipeline.hosts.health import HEARTBEAT  # noqa: PLC0415 - see above
    from pipeline.hosts.worker import Worker, hosted  # noqa: PLC0415 - see above

    settings = bootstrap.settings()
    chosen = names(handler, settings.stage) or list(settings.topology.stages)
    bootstrap.set_up_telemetry("worker")
    worker = Worker(
        settings,
        hosted(settings, chosen),
        grace_s=settings.drain_s,
        heartbeat=HEARTBEAT,
        idle_s=settings.idle_s,
    )
    if not worker.run():
        log.critical("this worker could not serve its queues")
        os._exit(1)  # a thread may hang


def _serve_api(port: int) -> None:
    from pipeline.api.server import serve  # noqa: PLC0415 - see above

    serve("0.0.0.0", port)  # noqa: S104 - a container's own network; the host controls access


def _serve_events(handler: str, port: int) -> None:
    from pipeline import bootstrap  # noqa: PLC0415 - see above
    from pipeline.hosts.worker.functions import hosted  # noqa: PLC0415 - see above
    from pipeline.hosts.worker.server import serve  # noqa: PLC0415 - see above

    settings = bootstrap.settings()
    chosen = names(handler, settings.stage)
    if chosen is None or len(chosen) > 1:
        raise MissingDependency(
            "no_stage",
            "Set VIDEODROP_STAGE to the one stage whose events this host serves, one of "
            f"{', '.join(settings.topology.stages)}.",
        )
    bootstrap.set_up_telemetry("worker")
    serve(settings, hosted(settings, chosen)[0], port)


def _number(port: str) -> int:
    if not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise MissingDependency(
            "bad_port", f"PORT is {port!r}: it must be a number from 0 to 65535."
        )
    return int(port)


if __name__ == "__main__":
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel("WARNING")
    try:
        main(sys.argv[1:])
    except VideodropError as problem:
        log.critical("%s", problem)
        sys.exit(1)
