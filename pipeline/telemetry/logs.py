"""Logs: one JSON object a line on AWS, text lines elsewhere; both have the context's fields."""

import logging
from typing import TYPE_CHECKING

from pipeline.telemetry import context

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


def levels() -> None:
    """Log at INFO; from libraries only warnings and errors."""
    logging.getLogger().setLevel(logging.INFO)
    for chatty in ("boto3", "botocore", "opentelemetry", "s3transfer", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def readable() -> None:
    """Log text lines to standard error, in place of the host's own handlers."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s%(about)s")
    )
    handler.addFilter(_end_with_fields)
    _use(handler)


def as_json(service: str) -> "Logger":
    """Log JSON of all loggers to standard output, by Powertools' logger.

    Args:
        service: name of this process in logs.
    """
    from aws_lambda_powertools import Logger  # noqa: PLC0415 - only on AWS

    logger = Logger(service=service, use_rfc3339=True)
    handler = logger.registered_handler
    handler.addFilter(_have_fields)
    _use(handler)
    return logger


def _use(handler: logging.Handler) -> None:
    logging.getLogger().handlers = [handler]
    levels()


def _end_with_fields(record: logging.LogRecord) -> bool:
    record.about = "".join(f" {name}={value}" for name, value in context.current().items())
    return True


def _have_fields(record: logging.LogRecord) -> bool:
    record.__dict__.update(context.current())
    return True
