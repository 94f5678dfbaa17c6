"""The embedded AWS as Terraform needs it: ``python -m tests.infra.simulator``.

moto's Lambda does not store some attributes, so that a plan would set them again. Its Cognito
cannot delete a resource server.
"""

import sys
from functools import wraps
from pathlib import Path
from typing import Any

from moto.awslambda.models import EventSourceMapping, LambdaFunction
from moto.backends import list_of_moto_modules
from moto.cognitoidp.responses import CognitoIdpResponse
from moto.core.responses import EmptyResult

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


def _delete_resource_server(self: CognitoIdpResponse) -> EmptyResult:
    pool = self.backend.describe_user_pool(self._get_param("UserPoolId"))
    del pool.resource_servers[self._get_param("Identifier")]
    return EmptyResult()


if __name__ == "__main__":
    CognitoIdpResponse.delete_resource_server = _delete_resource_server
    LambdaFunction.__init__ = _remember(LambdaFunction.__init__)
    LambdaFunction.get_configuration = _tell(LambdaFunction.get_configuration)
    EventSourceMapping.__init__ = _keep_the_alias(EventSourceMapping.__init__)
    services = set(list_of_moto_modules()) - {"moto_api"}
    server.main(Path(sys.argv[1]), int(sys.argv[2]), services)
