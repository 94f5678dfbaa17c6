"""``infra`` applied to a simulator, compared with the installation of ``aws.provision``."""

import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.api.authorized import OPEN, OPEN_BELOW
from pipeline.aws import clients as aws
from pipeline.aws import provision as resources
from pipeline.core.setting_types import SignIn
from pipeline.core.settings import Settings
from pipeline.costs.installation import alarm_metrics
from pipeline.stages.detect import onnx, yolo
from pipeline.stages.transcribe import ctranslate, whisper
from pipeline.telemetry.names import ALL as METRICS
from pipeline.telemetry.names import FAULTS, RUNS
from tests.infra.conftest import DETECTS_MEMORY_MB, Applied
from tests.unit.api.test_open_routes import routes

THEIRS, TWIN = "made-by-terraform", "made-by-python"
MANY = 50  # routes of the API
# In a process of its own, because importing the handler opens an event loop.
ANSWER = """
import json, sys
from handlers.query import handler
from tests.integration.runs.test_handlers import Context
print(handler(json.loads(sys.argv[1]), Context())["statusCode"])
"""
# A resource of a plan, and its first change.
CHANGE = re.compile(r"# (\S+) will be updated in-place\n.*?~ (\w+ += \S+ -> \S+)", re.DOTALL)


def named(text: str) -> str:
    """Return a name, ARN or policy without the installation's name."""
    return text.replace(THEIRS, "NAME").replace(TWIN, "NAME")


def plain(value: Any) -> Any:
    """Return a value to compare: JSON parsed, names without the installation's."""
    if isinstance(value, str):
        value = named(value)
        return json.loads(value) if value.startswith("{") else value
    if isinstance(value, dict):
        return {plain(key): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def twin(installation: Applied) -> Settings:
    """Return the embedded stack's installation, beside Terraform's."""
    buckets = {
        name: installation.output["environment"][f"VIDEODROP_{name.upper()}"].replace(THEIRS, TWIN)
        for name in ("uploads_bucket", "artifacts_bucket")
    }
    settings = Settings(name=TWIN, **buckets)
    resources.ensure(settings)
    return settings


def queues(prefix: str) -> dict[str, dict[str, Any]]:
    sqs = aws.client("sqs")
    found = {}
    for url in sqs.list_queues(QueueNamePrefix=f"{prefix}-")["QueueUrls"]:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for name in ("CreatedTimestamp", "LastModifiedTimestamp"):
            del attributes[name]
        found[named(url.rsplit("/", 1)[-1])] = plain(attributes)
    return found


def rules(prefix: str) -> dict[tuple[str, str], dict[str, Any]]:
    events = aws.client("events")
    found = {}
    for bus in ("default", prefix):
        for rule in events.list_rules(EventBusName=bus, NamePrefix=f"{prefix}-")["Rules"]:
            place = {"Rule": rule["Name"], "EventBusName": bus}
            found[named(bus), named(rule["Name"])] = {
                "pattern": plain(rule["EventPattern"]),
                "state": rule["State"],
                "arn": plain(rule["Arn"]),
                "targets": plain(events.list_targets_by_rule(**place)["Targets"]),
            }
    return found


def table(name: str) -> dict[str, Any]:
    dynamodb = aws.client("dynamodb")
    found = dynamodb.describe_table(TableName=name)["Table"]
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return {
        "keys": found["KeySchema"],
        "attributes": sorted(one["AttributeName"] for one in found["AttributeDefinitions"]),
        "indexes": {
            one["IndexName"]: (one["KeySchema"], one["Projection"])
            for one in found["GlobalSecondaryIndexes"]
        },
        "billing": found["BillingModeSummary"]["BillingMode"],
        "ttl": ttl,
    }


def test_a_second_plan_changes_nothing(applied: Applied):
    assert "No changes." in applied.run("plan", "-detailed-exitcode")


def test_deletion_protection_can_be_enabled_in_place(applied: Applied):
    said = applied.run("plan", "-refresh=false", "-var=deletion_protection=true")
    assert "0 to add, 6 to change, 0 to destroy" in said
    changes = {name: " ".join(change.split()) for name, change in CHANGE.findall(said)}
    assert changes == {
        "aws_cognito_user_pool.people[0]": 'deletion_protection = "INACTIVE" -> "ACTIVE"',
        "aws_dynamodb_table.catalog": "deletion_protection_enabled = false -> true",
        'aws_ecr_repository.images["gpu"]': "force_delete = true -> false",
        'aws_ecr_repository.images["lambda"]': "force_delete = true -> false",
        "module.artifacts.aws_s3_bucket.this": "force_destroy = true -> false",
        "module.uploads[0].aws_s3_bucket.this": "force_destroy = true -> false",
    }


def test_both_create_the_same_queues(twin: Settings):
    ours, theirs = queues(twin.name), queues(THEIRS)
    for name, attributes in theirs.items():
        if name.endswith("-dlq"):
            # It also receives EventBridge's undeliverable events, which moto does not support.
            lanes = attributes.pop("RedriveAllowPolicy")["sourceQueueArns"]
            (statement,) = attributes.pop("Policy")["Statement"]
            assert {arn.rsplit(":", 1)[-1] for arn in lanes} <= set(theirs)
            assert statement["Action"] == "sqs:SendMessage"
            ours[name].pop("Policy", None)
    # The rules that may send, in any order.
    for attributes in (*ours.values(), *theirs.values()):
        for statement in attributes.get("Policy", {}).get("Statement", []):
            statement["Condition"]["ArnEquals"]["aws:SourceArn"].sort()
    assert len(theirs) == 3 * len(twin.topology.stages) + 7
    assert theirs == ours


def test_both_create_the_same_rules(twin: Settings):
    ours, theirs = rules(twin.name), rules(THEIRS)
    for rule in theirs.values():
        (target,) = rule["targets"]
        assert target.pop("DeadLetterConfig")["Arn"].endswith("-dlq")
    assert len(theirs) == 3 * len(twin.topology.stages) + 4
    assert theirs == ours


def test_both_create_the_same_table(twin: Settings):
    assert table(THEIRS) == table(twin.name)


def test_both_send_uploads_to_event_bridge(twin: Settings):
    s3 = aws.client("s3")
    ours = twin.names.uploads_bucket
    for bucket in (ours.replace(TWIN, THEIRS), ours):
        found = s3.get_bucket_notification_configuration(Bucket=bucket)
        assert found["EventBridgeConfiguration"] == {}


def test_provision_finds_nothing_to_correct(installation: Applied):
    assert installation.output["environment"]["VIDEODROP_NAME"] == bootstrap.settings().name
    assert resources.ensure(bootstrap.settings()) == []


def chosen(method: str, path: str, keys: Iterable[str]) -> str:
    """Return the key of the route that API Gateway selects: the most specific one."""
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
    asked = f"{method} {path}"
    greedy = [key for key in keys if "{" in key and asked.startswith(key.removesuffix("{proxy+}"))]
    return asked if asked in keys else max(greedy, key=len, default="$default")


def needs_no_token(method: str, path: str) -> bool:
    """Return True for what the API itself answers without a token, except what has its own."""
    return method in {"GET", "HEAD"} and (path in OPEN or path.startswith(OPEN_BELOW))


@pytest.fixture
def gateway(installation: Applied) -> dict[str, Any]:  # noqa: ARG001 - for its effect
    """Return the API's routes by their keys, and its authorizer."""
    api = aws.client("apigatewayv2")
    (found,) = api.get_apis()["Items"]
    routes = {one["RouteKey"]: one for one in api.get_routes(ApiId=found["ApiId"])["Items"]}
    authorizer = routes["$default"]["AuthorizerId"]
    return {
        "routes": routes,
        "authorizer": api.get_authorizer(ApiId=found["ApiId"], AuthorizerId=authorizer),
    }


def test_an_anonymous_call_is_rejected_on_every_route_of_a_default_installation(
    gateway: dict[str, Any],
):
    name, found = bootstrap.settings().name, gateway["routes"]
    asked = [(method, path) for method, path, _ in routes()]
    assert len(asked) > MANY
    for method, path in asked:
        route = found[chosen(method, path, found)]
        wanted = ("NONE", None, None)
        if not needs_no_token(method, path):
            scope = "read" if method in {"GET", "HEAD"} else "replay"
            wanted = ("JWT", gateway["authorizer"]["AuthorizerId"], [f"{name}/{scope}"])
        assert wanted == (
            route["AuthorizationType"],
            route.get("AuthorizerId"),
            route.get("AuthorizationScopes"),
        ), (method, path)


def test_the_page_gets_the_tokens_that_the_api_accepts(
    installation: Applied, gateway: dict[str, Any]
):
    sign_in, pools = installation.output["sign_in"], aws.client("cognito-idp")
    name = bootstrap.settings().names.queue("query")
    query = aws.client("lambda").get_function_configuration(FunctionName=name)
    page = SignIn.model_validate_json(query["Environment"]["Variables"]["VIDEODROP_SIGN_IN"])
    client = pools.describe_user_pool_client(UserPoolId=sign_in["pool"], ClientId=page.client_id)
    assert set(page.scope.split()) == set(client["UserPoolClient"]["AllowedOAuthScopes"])
    assert client["UserPoolClient"]["CallbackURLs"] == [f"{installation.output['api']}/"]
    accepted = gateway["authorizer"]["JwtConfiguration"]
    assert accepted == {"Audience": [page.client_id], "Issuer": sign_in["issuer"]}
    assert page.authorize.startswith(f"{sign_in['address']}/")


@pytest.mark.usefixtures("installation")
def test_executions_are_kept_for_all_but_the_stages():
    config, functions = bootstrap.settings(), aws.client("lambda")
    kept = {}
    for function in (*config.topology.stages, "janitor", "replays", "events", "query"):
        name = config.names.queue(function)
        told = functions.get_function_concurrency(FunctionName=name)
        if executions := told.get("ReservedConcurrentExecutions"):
            kept[function] = executions
    assert kept == {"query": 100, "events": 12, "janitor": 3, "replays": 5}
    rest, stages = 1000 - sum(kept.values()), len(config.topology.stages)
    shares = {"": int(0.8 * rest / stages), "-replay": int(0.1 * rest / stages)}
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        queue = mapping["EventSourceArn"].rsplit(":", 1)[-1]
        for stage in config.topology.stages:
            if queue.startswith(config.names.queue(stage)):
                most = mapping["ScalingConfig"]["MaximumConcurrency"]
                assert most == shares[queue.removeprefix(config.names.queue(stage))]


def alarms() -> dict[str, dict[str, Any]]:
    pages = aws.client("cloudwatch").get_paginator("describe_alarms").paginate()
    return {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}


def test_every_alarm_notifies_the_topic(installation: Applied):
    config, found = bootstrap.settings(), alarms()
    topic = installation.output["alarm_topic"]
    for name, alarm in found.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]
        section = name.rsplit("-", 1)[-1]
        assert alarm["AlarmDescription"].endswith(f" docs/how-to/runbook.md#{section}")
    of_function = {"duration", "errors", "throttles"}
    with_queue = of_function | {"age", "dlq-depth"}
    wanted = {"query": of_function | {"5xx"}}
    wanted |= dict.fromkeys(("events", "janitor", "replays"), with_queue)
    wanted |= {stage: with_queue | {"failures"} for stage in config.topology.stages}
    assert set(found) == {
        f"{config.names.queue(function)}-{what}"
        for function, alarmed in wanted.items()
        for what in alarmed
    }


def test_bills_include_the_metrics_of_alarms(installation: Applied):  # noqa: ARG001 - for its effect
    watched = [
        query
        for alarm in alarms().values()
        for query in alarm.get("Metrics") or [{"MetricStat": alarm}]
        if "MetricStat" in query
    ]
    assert len(watched) == alarm_metrics(len(bootstrap.settings().topology.stages), 0)


def test_the_failure_alarm_uses_the_metrics_of_the_code(installation: Applied):  # noqa: ARG001 - for its effect
    found, config = alarms(), bootstrap.settings()
    for stage in config.topology.stages:
        alarm = found[f"{config.names.queue(stage)}-failures"]
        queries = {one["Id"]: one for one in alarm["Metrics"]}
        assert queries.pop("percent")["Expression"] == "100 * faults / runs"
        counted = {}
        for name, one in queries.items():
            metric = one["MetricStat"]["Metric"]
            assert (metric["Namespace"], one["MetricStat"]["Stat"]) == (config.name, "Sum")
            assert metric["Dimensions"] == [{"Name": "stage", "Value": stage}]
            counted[name] = metric["MetricName"]
        assert counted == {"faults": FAULTS.name, "runs": RUNS.name}
    assert {("stage",)} <= {*RUNS.sums} & {*FAULTS.sums}


def test_the_dashboard_shows_the_metrics_of_the_code(installation: Applied):  # noqa: ARG001 - for its effect
    name = bootstrap.settings().name
    body = json.loads(aws.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"])
    shown = [metric for widget in body["widgets"] for metric in widget["properties"]["metrics"]]
    ours = [(metric[1], tuple(metric[2::2])) for metric in shown if metric[0] == name]
    assert ours
    assert set(ours) <= {(metric.name, sums) for metric in METRICS for sums in metric.sums}


def test_only_the_api_starts_from_a_snapshot(installation: Applied):
    functions = aws.client("lambda").list_functions()["Functions"]
    assert {one["PackageType"] for one in functions} == {"Image", "Zip"}
    snapped = [
        one["FunctionName"]
        for one in functions
        if one.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"
    ]
    assert snapped == [bootstrap.settings().names.queue("query")]
    (kept,) = (
        one
        for one in aws.client("scheduler").list_schedules()["Schedules"]
        if one["Name"].endswith("-keep-snapshot")
    )
    target = aws.client("scheduler").get_schedule(Name=kept["Name"])["Target"]
    # Lambda deletes a snapshot that nobody uses for 14 days.
    answer = subprocess.run(
        [sys.executable, "-c", ANSWER, target["Input"]], check=True, capture_output=True, text=True
    )
    assert answer.stdout.splitlines()[-1] == "200"
    assert installation.output["dashboard"]


def test_functions_have_the_topologys_memory_by_default(installation: Applied):  # noqa: ARG001 - for its effect
    config, functions = bootstrap.settings(), aws.client("lambda")
    wanted = {stage: spec.memory_mb for stage, spec in config.topology.stages.items()}
    for stage, memory_mb in (wanted | {"detect": DETECTS_MEMORY_MB}).items():
        found = functions.get_function_configuration(FunctionName=config.names.queue(stage))
        assert found["MemorySize"] == memory_mb


def test_functions_have_the_settings_of_their_installation(installation: Applied):
    config, functions = bootstrap.settings(), aws.client("lambda")
    for function in (*config.topology.stages, "janitor", "replays", "events", "query"):
        found = functions.get_function_configuration(FunctionName=config.names.queue(function))
        known = found["Environment"]["Variables"]
        assert known["VIDEODROP_TELEMETRY"] == "aws"
        # All name the same models: a function without weights cannot tell what auto means.
        assert known["VIDEODROP_PARAMS__TRANSCRIBE__MODEL"] == "base"
        assert known["VIDEODROP_PARAMS__DETECT__MODEL"] == "yolox-s"
        stage = function if function in config.topology.stages else None
        assert known.get("VIDEODROP_STAGE") == stage
        assert "VIDEODROP_MAX_BYTES" not in known  # /tmp holds no copy of a long source
        assert int(known["VIDEODROP_REDELIVERY_S"]) == max(
            spec.timeout_s * config.topology.queues.visibility_per_timeout
            for spec in config.topology.stages.values()
        )
        for name, value in installation.output["environment"].items():
            assert name == "AWS_DEFAULT_REGION" or known[name] == value


@pytest.mark.usefixtures("installation")
def test_the_replay_driver_has_the_versions_of_the_stages_engines():
    name = bootstrap.settings().names.queue("replays")
    found = aws.client("lambda").get_function_configuration(FunctionName=name)
    assert json.loads(found["Environment"]["Variables"]["VIDEODROP_ENGINES"]) == {
        engine: importlib.metadata.version(engine)
        for engine in (ctranslate.NAME, onnx.NAME, whisper.NAME, yolo.NAME)
    }


def test_a_role_trusts_one_service(installation: Applied):  # noqa: ARG001 - for its effect
    for role in aws.client("iam").list_roles()["Roles"]:
        (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trusted["Action"] == "sts:AssumeRole"
        assert trusted["Principal"] in (
            {"Service": "lambda.amazonaws.com"},
            {"Service": "scheduler.amazonaws.com"},
        )


def test_every_log_group_has_a_retention(installation: Applied):  # noqa: ARG001 - for its effect
    groups = aws.client("logs").describe_log_groups()["logGroups"]
    functions = aws.client("lambda").list_functions()["Functions"]
    assert len(groups) == len(functions) + 1  # the API's
    assert {group.get("retentionInDays") for group in groups} == {30}
