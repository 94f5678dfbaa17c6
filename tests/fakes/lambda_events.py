"""Events as Lambda passes them to a handler, field for field.

Bodies of SQS records are in ``tests.fakes.aws_events``.
"""

import hashlib
from typing import Any

TRACE = "Root=1-5e6722a7-cc56a4f146db7ae02d4da47e;Parent=2b5ef9f1e0a5c8d7;Sampled=1"


def sqs(*bodies: str, queue: str = "videodrop-transcode", **attributes: str) -> dict[str, Any]:
    """Return a batch of messages of an event source mapping; their ids are ``m0``, ``m1``, ….

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
    """
    return {"Records": [_record(n, body, queue, attributes) for n, body in enumerate(bodies)]}


def _record(number: int, body: str, queue: str, attributes: dict[str, str]) -> dict[str, Any]:
    return {
        "messageId": f"m{number}",
        "receiptHandle": f"AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...{number}",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1545082649183",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1545082649185",
            **attributes,
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:111122223333:{queue}",
        "awsRegion": "us-east-1",
    }


def tick() -> dict[str, Any]:
    """Return an event of EventBridge Scheduler.

    https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html
    """
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "111122223333",
        "time": "2026-10-08T16:53:06Z",
        "region": "us-east-1",
        "resources": ["arn:aws:scheduler:us-east-1:111122223333:schedule/default/janitor"],
        "detail": "{}",
    }


def http(path: str, query_string: str = "", method: str = "GET", **headers: str) -> dict[str, Any]:
    """Return a request of API Gateway's HTTP API, payload format 2.0.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query_string,
        "cookies": ["a=1"],
        "headers": {
            "accept": "*/*",
            "content-length": "0",
            "host": "d-abc123.execute-api.us-east-1.amazonaws.com",
            "user-agent": "curl/8.5.0",
            "x-amzn-trace-id": "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e",
            "x-forwarded-for": "203.0.113.10",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            **headers,
        },
        "requestContext": {
            "accountId": "111122223333",
            "apiId": "abc123",
            "domainName": "d-abc123.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "d-abc123",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.10",
                "userAgent": "curl/8.5.0",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "10/Mar/2026:05:16:23 +0000",
            "timeEpoch": 1583817383220,
        },
        "isBase64Encoded": False,
    }
