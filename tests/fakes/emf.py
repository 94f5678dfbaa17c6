"""The schema of CloudWatch's embedded metrics, from the specification.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from collections.abc import Iterable
from typing import Any

import jsonschema

_NAME = {"type": "string", "minLength": 1, "maxLength": 1024}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 0},
                "CloudWatchMetrics": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": {**_NAME, "pattern": "^[0-9A-Za-z._/#:-]+$"},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "minItems": 1,
                                    "maxItems": 30,
                                    "uniqueItems": True,
                                    "items": {**_NAME, "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name", "Unit"],
                                    "properties": {
                                        "Name": _NAME,
                                        "Unit": {"enum": ["Count", "Seconds"]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}

Values = dict[tuple[str, tuple[tuple[str, str], ...]], list[float]]


def values(lines: Iterable[dict[str, Any]], namespace: str = "videodrop") -> Values:
    """Return the values of log lines by name and dimensions, as (name, value) pairs.

    Skip lines without metrics; fail on an invalid line.
    """
    found: Values = {}
    for line in lines:
        if "_aws" not in line:
            continue
        jsonschema.validate(line, _SCHEMA)
        for directive in line["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == namespace
            for dimensions in directive["Dimensions"]:
                # A dimension's value is a string member of the object.
                assert all(isinstance(line[name], str) and line[name] for name in dimensions)
                key = tuple((name, line[name]) for name in dimensions)
                for metric in directive["Metrics"]:
                    given = line[metric["Name"]]
                    numbers = given if isinstance(given, list) else [given]
                    assert all(isinstance(number, int | float) for number in numbers)
                    found.setdefault((metric["Name"], key), []).extend(numbers)
    return found
