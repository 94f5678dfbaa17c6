"""The process of a container, on every host.

``python -m pipeline.hosts.entrypoint [HANDLER …]`` runs what the host needs:

    AWS_LAMBDA_RUNTIME_API is set   Lambda: the runtime client, awslambdaric
    PORT is set                     an HTTP server: the query API, or a handler's pushed events
    neither, or PORT is empty       the worker, which polls the handler's queues

HANDLER has the form that Lambda uses. ``handlers.stage.handler`` is the stage ``VIDEODROP_STAGE``.
Without that variable a worker hosts all stages; it hosts several that are separated by commas. A
worker takes several handlers. SageMaker starts every image with the argument ``serve``: an HTTP
server of the stage's events. Two other words stand for processes that serve no handler:

    prepare         make the installation's resources, and end (``hosts.prepare``)
    watch-bucket    find uploads in a store that tells of none (``hosts.watcher``)
"""

import logging
import os
import socket
import sys

from pipeline.core.errors import MissingDependency, VideodropError

log = logging.getLogger(__name__)

STAGE = "handlers.stage.handler"
QUERY = "handlers.query.handler"
SERVE = "serve"
PREPARE = "prepare"
WATCH = "watch-bucket"
_HIGHEST_PORT = 65535
# It kills 30 s after SIGTERM; Cloud Run after 10.
_SAGEMAKER_GRACE_S = 25.0
_GRACE_S = 8.0


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
    if handler in {PREPARE, WATCH}:
        _do(handler)
    elif handler == SERVE:
        port = os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080")
        _serve_events(STAGE, _number(port), grace_s=_SAGEMAKER_GRACE_S)
    elif not port:
        _poll(arguments or [STAGE])
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
            f"{PREPARE} and {WATCH}, or set PORT to serve {QUERY}.",
        )
    return [known[handler]]


def _check_region() -> None:
    from pipeline.aws import clients as aws  # noqa: PLC0415 - see above

    aws.region()


def _do(task: str) -> None:
    from pipeline import bootstrap  # noqa: PLC0415 - see above
    from pipeline.hosts import prepare, watcher  # noqa: PLC0415 - see above

    bootstrap.set_up_telemetry(task)
    (prepare if task == PREPARE else watcher).main(bootstrap.settings())


def _poll(handlers: list[str]) -> None:
    from pipeline import bootstrap  # noqa: PLC0415 - see above
    from pipeline.hosts.health import HEARTBEAT  # noqa: PLC0415 - see above
    from pipeline.hosts.worker import Worker, hosted  # noqa: PLC0415 - see above

    settings = bootstrap.settings()
    stages = list(settings.topology.stages)
    chosen = [name for handler in handlers for name in names(handler, settings.stage) or stages]
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

    # A container's own network: the host controls access.
    serve(socket.create_server(("0.0.0.0", port)))  # noqa: S104


def _serve_events(handler: str, port: int, *, grace_s: float = _GRACE_S) -> None:
    from pipeline import bootstrap  # noqa: PLC0415 - see above
    from pipeline.hosts.worker.functions import hosted  # noqa: PLC0415 - see above
    from pipeline.hosts.worker.jobs import Jobs  # noqa: PLC0415 - see above
    from pipeline.hosts.worker.server import serve  # noqa: PLC0415 - see above

    settings = bootstrap.settings()
    chosen = names(handler, settings.stage)
    bootstrap.set_up_telemetry("worker")
    one = chosen and len(chosen) == 1
    jobs = Jobs(settings, hosted(settings, chosen)[0]) if one else Jobs.of_stage(settings)
    serve(settings, jobs, port, grace_s=grace_s)


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
