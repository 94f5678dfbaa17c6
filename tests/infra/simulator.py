"""The embedded AWS with a Lambda that Terraform recognises: ``python -m tests.infra.simulator``.

moto's Lambda does not store some attributes, so that a plan would set them again.
"""

import sys
from functools import wraps
from pathlib import Path
from typing import Any

from moto.awslambda.models import EventSourceMapping, LambdaFunction
from moto.backends import list_of_moto_modules

from pipeline.hosts.local import server


def _remember(make):
    """Store a function's log group and its SnapStart setting."""

    @wraps(make)
    def corrected(self: LambdaFunction, account_id: str, spec: dict[str, Any], *more: Any, **named):
        make(self, account_id, spec, *more, **named)
        self.told = {name: spec[name] for name in ("LoggingConfig", "SnapStart") if name in spec}

    return corrected


def _tell(get_configuration):
    @wraps(get_configuration)
    def corrected(self: LambdaFunction, *more: Any, **named: Any) -> dict[str, Any]:
        return get_configuration(self, *more, **named) | self.told

    return corrected


def _keep_the_alias(make):
    """Store the function name of a mapping: moto replaces the alias by its version."""

    @wraps(make)
    def corrected(self: EventSourceMapping, spec: dict[str, Any]) -> None:
        make(self, spec)
        self.function_arn = spec["FunctionName"]

    return corrected


if __name__ == "__main__":
    LambdaFunction.__init__ = _remember(LambdaFunction.__init__)
    LambdaFunction.get_configuration = _tell(LambdaFunction.get_configuration)
    EventSourceMapping.__init__ = _keep_the_alias(EventSourceMapping.__init__)
    services = set(list_of_moto_modules()) - {"moto_api"}
    server.main(Path(sys.argv[1]), int(sys.argv[2]), services)
