"""The query API on Lambda, behind an API Gateway HTTP API or a function URL. Wiring only."""

from typing import Any

from mangum import Mangum

from pipeline import bootstrap
from pipeline.api.app import create_app

app = create_app()
# Lambda gives a small function more CPU during initialisation than for its requests.
app.state.context.open()
_answered = Mangum(app, lifespan="off")


@bootstrap.observed("query")
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request."""
    answer: dict[str, Any] = _answered(event, context)
    return answer
