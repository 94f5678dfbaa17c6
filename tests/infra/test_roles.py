"""Roles allow exactly the calls of the code, and of AWS on its behalf.

Every operation of the code runs (``day``), and each call is compared with the policy of its role:
as applied to the simulator or, for GPU hosts, which moto does not support, as planned. moto's
policy parser decides (its enforcement ignores resources).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto.iam.access_control import IAMPolicy, PermissionResult

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws.host_jobs import HostJobs
from pipeline.core.pool import Pool
from pipeline.runs.host_pool import HostPool
from tests.conftest import topology_with
from tests.infra.conftest import Applied, as_client
from tests.infra.day import Day
from tests.infra.installation import Installation, poller
from tests.infra.trail import Permission, Trail

Statement = dict[str, Any]
# The permissions of each role, and their use.
Roles = dict[str, tuple[list[Statement], set[Permission]]]

# Actions that cannot be restricted to a resource.
# https://docs.aws.amazon.com/service-authorization/latest/reference/
UNNAMEABLE = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
STARTER, WORKER = "janitor with a pool", "worker of the pool"
ARN = "arn:aws:{}:us-east-1:123456789012:{}".format


@pytest.fixture(scope="module")
def client(applied: Applied) -> Iterator[pytest.MonkeyPatch]:
    """Make this process a client of the installation, with toys as its stages."""
    with pytest.MonkeyPatch.context() as patch, as_client(applied, patch):
        stages = dict.fromkeys(bootstrap.settings().topology.stages, "tests.fakes.toystage")
        folder = applied.terraform.folder.parent
        patch.setenv("VIDEODROP_TOPOLOGY", str(topology_with(stages, folder / "toys.json")))
        patch.setenv("VIDEODROP_SCRATCH", str(folder / "scratch"))
        bootstrap.settings.cache_clear()
        yield patch


@pytest.fixture(scope="module")
def trail(client: pytest.MonkeyPatch) -> Iterator[Trail]:
    """Return the calls of a day."""
    trail = Trail()
    Day(Installation(trail, client)).run()
    yield trail
    boto3.DEFAULT_SESSION = None


@pytest.fixture(scope="module")
def functions(client: pytest.MonkeyPatch) -> dict[str, list[Statement]]:  # noqa: ARG001 - for its effect
    """Return the permissions of the installation's roles, by their names."""
    iam = aws.client("iam")
    return {
        role["RoleName"]: [
            statement
            for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
            for statement in iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)[
                "PolicyDocument"
            ]["Statement"]
        ]
        for role in iam.list_roles()["Roles"]
    }


@pytest.fixture(scope="module")
def pool(
    applied: Applied,
    client: pytest.MonkeyPatch,  # noqa: ARG001 - for its effect
) -> Iterator[Future[dict[str, list[Statement]]]]:
    """Return the permissions of GPU hosts and of what starts them, from a parallel plan."""
    stages = list(bootstrap.settings().topology.stages)
    subnet = aws.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    with ThreadPoolExecutor() as beside:
        yield beside.submit(plan_pool, applied, stages, subnet)


def plan_pool(applied: Applied, stages: list[str], subnet: str) -> dict[str, list[Statement]]:
    """Return the permissions of a worker with these stages, and of its janitor."""
    variables = {
        "local": False,
        "cdn": None,
        "gpu": {"subnet_ids": [subnet]},
        "compute": {stage: {"host": "gpu"} for stage in stages},
    }
    (applied.terraform.folder.parent / "gpu.tfvars.json").write_text(json.dumps(variables))
    policies = {
        WORKER: "module.gpu_pool[0].aws_iam_role_policy.worker",
        STARTER: "module.janitor.aws_iam_role_policy.this",
    }
    targets = [f"-target={address}" for address in policies.values()]
    applied.run("plan", "-var-file=../gpu.tfvars.json", "-refresh=false", "-out=gpu", *targets)
    planned = json.loads(applied.terraform.run("show", "-json", "gpu"))["resource_changes"]
    found = {one["address"]: one["change"]["after"] for one in planned}
    return {
        role: json.loads(found[place]["policy"])["Statement"] for role, place in policies.items()
    }


def start_a_host(trail: Trail, stage: str) -> None:
    """Look for messages of a stage on GPU hosts, and start one."""
    names = bootstrap.settings().names
    name = f"{names.prefix}-gpu"
    spec = Pool(queue=name, definition=name, stages=(stage,), max_hosts=1)
    with trail.of(STARTER), Stubber(aws.client("batch")) as batch:
        for _ in range(6):
            batch.add_response("list_jobs", {"jobSummaryList": []})
        batch.add_response("submit_job", {"jobName": "worker", "jobId": "1"})
        assert HostPool(spec, HostJobs(aws.client("batch"), spec), lambda *_: 1, list).wake() == 1


@pytest.fixture(scope="module")
def roles(
    functions: dict[str, list[Statement]],
    pool: Future[dict[str, list[Statement]]],
    trail: Trail,
) -> Roles:
    """Return every role of the code."""
    config, done = bootstrap.settings(), done_by_aws()
    for function in [*config.topology.stages, "events", "janitor", "query", "replays"]:
        done[config.names.queue(function)] |= trail.permissions(function)
    found = {role: (statements, done.pop(role)) for role, statements in functions.items()}
    assert not done, "call without a role"
    stages = list(config.topology.stages)
    start_a_host(trail, stages[0])
    done = {
        # A worker polls and hosts under one role.
        WORKER: trail.permissions(*stages, *map(poller, stages)),
        STARTER: found[config.names.queue("janitor")][1] | trail.permissions(STARTER),
    }
    return found | {role: (given, done[role]) for role, given in pool.result().items()}


def done_by_aws() -> dict[str, set[Permission]]:
    """Return AWS's calls under each role for the installation's resources."""
    functions, scheduler = aws.client("lambda"), aws.client("scheduler")
    done: dict[str, set[Permission]] = defaultdict(set)
    roles = {}
    for function in functions.list_functions()["Functions"]:
        role = roles[function["FunctionName"]] = function["Role"].rsplit("/", 1)[-1]
        stream = ARN("logs", f"log-group:{function['LoggingConfig']['LogGroup']}:log-stream:1")
        for action in ("CreateLogStream", "PutLogEvents"):
            done[role].add(Permission(f"logs:{action}", stream))
        if function["TracingConfig"]["Mode"] == "Active":
            done[role] |= {Permission(action, "*") for action in UNNAMEABLE}
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        role = roles[mapping["FunctionArn"].split(":")[6]]
        for action in ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage"):
            done[role].add(Permission(f"sqs:{action}", mapping["EventSourceArn"]))
    for schedule in scheduler.list_schedules()["Schedules"]:
        target = scheduler.get_schedule(Name=schedule["Name"])["Target"]
        role = target["RoleArn"].rsplit("/", 1)[-1]
        done[role].add(Permission("lambda:InvokeFunction", target["Arn"]))
    return done


def allows(statements: list[Statement], one: Permission) -> bool:
    policy = IAMPolicy(json.dumps({"Statement": statements}))
    answer = policy.is_action_permitted(one.action, one.resource, None, dict(one.context))
    return answer is PermissionResult.PERMITTED


def unused(statements: list[Statement], done: Iterable[Permission]) -> Iterator[tuple[str, str]]:
    """Return each unused action on each resource."""
    for statement in statements:
        for action in statement["Action"]:
            for resource in statement["Resource"]:
                alone = statement | {"Action": [action], "Resource": [resource]}
                if not any(allows([alone], one) for one in done):
                    yield action, resource


def test_every_call_is_allowed(roles: Roles):
    refused = {
        (role, one.action, one.resource)
        for role, (statements, done) in roles.items()
        for one in done
        if not allows(statements, one)
    }
    assert refused == set()


def test_everything_allowed_is_used(roles: Roles):
    idle = {
        (role, *one)
        for role, (statements, done) in roles.items()
        for one in unused(statements, done)
        # Needed where a video is deleted whose words were merged: the day has too few of them.
        if "dynamodb:DeleteItem" not in one
    }
    assert idle == set()


def test_roles_name_resources_where_possible(roles: Roles):
    for role, (allowed, _) in roles.items():
        assert allowed, role
        for statement in allowed:
            assert not [action for action in statement["Action"] if "*" in action], role
            if statement["Resource"] == ["*"]:
                assert set(statement["Action"]) <= {*UNNAMEABLE, "batch:ListJobs"}, role
            for resource in statement["Resource"]:
                assert resource == "*" or not resource.startswith("*"), role
                assert not resource.endswith(":*") or ":log-group:" in resource, role


def test_a_stage_writes_below_its_own_name_only(roles: Roles):
    names = bootstrap.settings().names
    stages = list(bootstrap.settings().topology.stages)
    hosts = {names.queue(stage): [stage] for stage in stages} | {WORKER: stages}
    for role, theirs in hosts.items():
        written = [
            resource
            for statement in roles[role][0]
            if "s3:PutObject" in statement["Action"]
            for resource in statement["Resource"]
        ]
        place = f"arn:aws:s3:::{names.artifacts_bucket}/artifacts/*/*"
        assert sorted(written) == sorted(f"{place}/{stage}/*" for stage in theirs)


def test_roles_have_no_access_to_other_resources(functions: dict[str, list[Statement]]):
    names = bootstrap.settings().names
    detected = f"arn:aws:s3:::{names.artifacts_bucket}/artifacts/v/r/detect/f/1/a.json"
    ours, other = (ARN("events", f"event-bus/{bus}") for bus in (names.bus, "default"))

    def may(function: str, action: str, resource: str, **context: str) -> bool:
        given = tuple((f"events:{key}", value) for key, value in context.items())
        return allows(functions[names.queue(function)], Permission(action, resource, given))

    assert may("detect", "s3:PutObject", detected)
    assert not may("transcode", "s3:PutObject", detected)
    assert not may("transcode", "s3:GetObject", detected)
    assert not may("query", "s3:PutObject", detected)
    assert may("query", "s3:GetObject", f"arn:aws:s3:::{names.uploads_bucket}/videos/a.mp4")
    assert not may("query", "s3:GetObject", f"arn:aws:s3:::{names.uploads_bucket}/a.mp4")
    assert not may("detect", "s3:GetObject", f"arn:aws:s3:::{names.uploads_bucket}/a.mp4")
    assert may("janitor", "events:PutEvents", ours, source="videodrop")
    ended = {"source": "videodrop", "detail-type": "Stage Succeeded"}
    assert may("detect", "events:PutEvents", ours, **ended)
    assert not may("detect", "events:PutEvents", other, **ended)
    requested = ended | {"detail-type": "Replay Requested"}
    assert not may("detect", "events:PutEvents", ours, **requested)
    assert not may("janitor", "events:PutEvents", ours, source="aws.s3")
    assert not may("janitor", "events:PutEvents", other, source="videodrop")


def test_queues_accept_messages_of_their_own_rules_only(client: pytest.MonkeyPatch):  # noqa: ARG001 - for its effect
    sqs, events = aws.client("sqs"), aws.client("events")
    prefix = bootstrap.settings().names.prefix
    feeds: dict[str, set[str]] = defaultdict(set)
    for bus in ("default", prefix):
        for rule in events.list_rules(EventBusName=bus, NamePrefix=f"{prefix}-")["Rules"]:
            place = {"Rule": rule["Name"], "EventBusName": bus}
            for target in events.list_targets_by_rule(**place)["Targets"]:
                feeds[target["Arn"]].add(rule["Arn"])
                feeds[target["DeadLetterConfig"]["Arn"]].add(rule["Arn"])
    attributes = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy", "QueueArn"])["Attributes"]
        for url in sqs.list_queues(QueueNamePrefix=f"{prefix}-")["QueueUrls"]
        if not url.endswith("-webhooks")  # without rules: only functions send to it
    ]
    assert len(attributes) == len(feeds)
    for found in attributes:
        arn = found["QueueArn"]
        (statement,) = json.loads(found["Policy"])["Statement"]
        assert set(statement.pop("Condition")["ArnEquals"]["aws:SourceArn"]) == feeds[arn]
        assert statement == {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
