"""The manifests for Kubernetes and KEDA, rendered by Kustomize and held against their schemas."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject, TriggerAuthentication
from cloudcoil.resources import Resource

from containers import dockerfile
from deploy import lanes
from pipeline.core import setting_names
from pipeline.core.topology import Names, Topology

ROOT = Path(__file__).parents[3]
KUBERNETES = ROOT / "deploy" / "kubernetes"
TOPOLOGY = Topology.read()
KEDA: dict[str, type[Resource]] = {
    "ScaledObject": ScaledObject,
    "TriggerAuthentication": TriggerAuthentication,
}
OVERLAYS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "gpu": ("gpu",),
    "embedded": ("embedded",),
    "both": ("gpu", "embedded"),
}
CLUSTER_WIDE = {"Namespace", "PriorityClass"}

Manifests = list[dict[str, Any]]


def rendered(folder: Path) -> Manifests:
    """Return what ``kubectl apply --kustomize`` would send."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(
        [kubectl, "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module", params=OVERLAYS.values(), ids=OVERLAYS)
def manifests(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("overlay")
    there = os.path.relpath(KUBERNETES, folder)
    overlay = {
        "resources": [f"{there}/base"],
        "components": [f"{there}/{component}" for component in request.param],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    return rendered(folder)


def test_the_guides_installation_is_rendered_with_its_own_region_and_images(tmp_path):
    guide = (ROOT / "docs" / "how-to" / "run-in-containers.md").read_text()
    (example,) = re.findall(r"```yaml\n(# kustomization\.yaml\n.*?)```", guide, re.DOTALL)
    there = os.path.relpath(ROOT, tmp_path)
    example = example.replace("[deploy/", f"[{there}/deploy/")
    (tmp_path / "kustomization.yaml").write_text(example)
    made = rendered(tmp_path)
    for manifest in made:
        check(manifest)
    (settings,) = of_kind(made, "ConfigMap")
    regions = {settings["data"]["AWS_REGION"]} | {
        one["spec"]["triggers"][0]["metadata"]["awsRegion"] for one in of_kind(made, "ScaledObject")
    }
    assert regions == {"eu-central-1"}
    for _, container in pods(made):
        assert re.fullmatch(r"registry\.example/videodrop-\w+:1", container["image"])
        configured = container["envFrom"][0]["configMapRef"]["name"]
        assert configured == settings["metadata"]["name"]


def of_kind(manifests: Manifests, *kinds: str) -> Iterator[dict[str, Any]]:
    return (one for one in manifests if one["kind"] in kinds)


def pods(manifests: Manifests) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each workload with its pod's spec and the only container in it."""
    for one in of_kind(manifests, "Deployment", "StatefulSet", "Job"):
        pod = one["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        yield pod, container


def check(manifest: dict[str, Any]) -> None:
    """Check a manifest; raise an error if a field is wrong or unknown."""
    if model := KEDA.get(manifest["kind"]):
        read = model.model_validate(manifest)
        # A model drops fields that it does not know.
        kept = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
        assert kept == manifest
    else:
        kubernetes_validate.validate(manifest, "1.32", strict=True)


def test_every_manifest_fits_its_schema(manifests):
    assert {one["kind"] for one in manifests} >= {"Deployment", "Service", "ScaledObject"}
    for manifest in manifests:
        check(manifest)


@pytest.mark.parametrize("kind", ["Deployment", "ScaledObject"])
def test_a_field_that_a_schema_does_not_know_is_found(kind):
    one = next(one for one in lanes.manifests(TOPOLOGY) if one["kind"] == kind)
    check(one)
    for wrong in (one | {"spec": one["spec"] | {"replica": 1}}, one | {"spec": {}}):
        with pytest.raises((AssertionError, ValueError, kubernetes_validate.ValidationError)):
            check(wrong)


def test_the_lanes_are_those_of_the_topology():
    assert lanes.PATH.read_text() == lanes.render(TOPOLOGY), "make docs writes them again"


def test_every_lane_of_a_stage_is_scaled_by_its_own_queue(manifests):
    names = Names("videodrop", TOPOLOGY)
    deployments = {one["metadata"]["name"] for one in of_kind(manifests, "Deployment")}
    found = {}
    for one in of_kind(manifests, "ScaledObject"):
        assert one["spec"]["scaleTargetRef"]["name"] in deployments
        (trigger,) = one["spec"]["triggers"]
        found[one["metadata"]["name"]] = trigger["metadata"]["queueURL"]
        assert trigger["metadata"]["scaleOnInFlight"] == "true"
        # https://keda.sh/docs/2.16/scalers/aws-sqs/
        known = {"queueURL", "queueLength", "awsRegion", "awsEndpoint", "scaleOnInFlight"}
        assert trigger["metadata"].keys() <= known
        assert trigger["authenticationRef"]["name"] in {
            one["metadata"]["name"] for one in of_kind(manifests, "TriggerAuthentication")
        }
    assert found == {
        f"{stage}-{lane}": names.queue(stage, lane)
        for stage in TOPOLOGY.stages
        for lane in ("live", "replay")
    }


def test_a_workers_deployment_has_no_number_of_replicas_which_would_undo_kedas(manifests):
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in of_kind(manifests, "ScaledObject")}
    for one in of_kind(manifests, "Deployment"):
        assert ("replicas" in one["spec"]) != (one["metadata"]["name"] in scaled)


def test_a_worker_has_time_to_drain_and_to_give_its_lease_back(manifests):
    workers = 0
    for pod, container in pods(manifests):
        env = {one["name"]: one.get("value") for one in container.get("env", [])}
        if drain_s := env.get("VIDEODROP_DRAIN_S"):
            workers += 1
            assert pod["terminationGracePeriodSeconds"] >= float(drain_s) + 60
    assert workers == 2 * len(TOPOLOGY.stages)


def test_a_child_reaches_its_own_limit_before_its_pod_does(manifests):
    for _, container in pods(manifests):
        env = {one["name"]: one.get("value") for one in container.get("env", [])}
        if stage := env.get("VIDEODROP_STAGE"):
            memory = container["resources"]["limits"]["memory"]
            assert int(memory.removesuffix("Mi")) >= TOPOLOGY.stages[stage].memory_mb + 512


def test_every_pod_fulfils_the_restricted_standard_and_has_no_token(manifests):
    for pod, container in pods(manifests):
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        mounts = {one["mountPath"] for one in container["volumeMounts"]}
        assert "/tmp" in mounts  # noqa: S108 - of the container
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
    (namespace,) = of_kind(manifests, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_every_container_that_stays_has_probes(manifests):
    for one in of_kind(manifests, "Deployment", "StatefulSet"):
        (container,) = one["spec"]["template"]["spec"]["containers"]
        assert container.keys() >= {"startupProbe", "livenessProbe"}
        # The API's health reads the table, whose outage must not restart it.
        is_api = one["metadata"]["name"] == "api"
        assert ("readinessProbe" in container) == is_api
        if is_api:
            assert "exec" in container["readinessProbe"]
            assert "exec" not in container["livenessProbe"]


def test_a_job_that_ended_is_removed_before_an_update_changes_its_image(manifests):
    for one in of_kind(manifests, "Job"):
        assert one["spec"]["ttlSecondsAfterFinished"] <= 3600


def test_names_lead_to_something_in_the_same_namespace(manifests):
    here = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    for one in manifests:
        assert one["metadata"].get("namespace") == (
            None if one["kind"] in CLUSTER_WIDE else "videodrop"
        ), one["metadata"]["name"]
    for pod, container in pods(manifests):
        settings, secret = container["envFrom"]
        assert ("ConfigMap", settings["configMapRef"]["name"]) in here
        assert secret == {"secretRef": {"name": "videodrop-aws", "optional": True}}
        assert ("ServiceAccount", pod["serviceAccountName"]) in here
        if "priorityClassName" in pod:
            assert ("PriorityClass", pod["priorityClassName"]) in here


def test_selectors_of_services_and_budgets_select_pods(manifests):
    labels = [
        one["spec"]["template"]["metadata"]["labels"]
        for one in of_kind(manifests, "Deployment", "StatefulSet")
    ]
    selectors = [one["spec"]["selector"] for one in of_kind(manifests, "Service")]
    budgets = of_kind(manifests, "PodDisruptionBudget")
    selectors += [one["spec"]["selector"]["matchLabels"] for one in budgets]
    for selector in selectors:
        assert any(selector.items() <= one.items() for one in labels), selector


def test_secrets_are_referred_to_and_none_is_here(manifests):
    assert not list(of_kind(manifests, "Secret"))
    (api,) = (c for _, c in pods(manifests) if c["args"] == ["handlers.query.handler"])
    (token,) = (one for one in api["env"] if one["name"] == "VIDEODROP_API_TOKEN")
    assert token["valueFrom"] == {"secretKeyRef": {"name": "videodrop-api", "key": "token"}}


def test_every_setting_exists(manifests):
    for one in of_kind(manifests, "ConfigMap"):
        assert list(setting_names.mistyped(one["data"])) == []
    for _, container in pods(manifests):
        assert list(setting_names.mistyped(one["name"] for one in container.get("env", []))) == []


def test_every_image_is_one_of_the_dockerfile(manifests):
    images = {container["image"] for _, container in pods(manifests)}
    assert images <= {f"videodrop-{name}" for name in dockerfile.read()}


@pytest.mark.parametrize("manifests", [OVERLAYS["gpu"]], indirect=True)
def test_stages_with_a_model_need_a_gpu_node_and_the_others_none(manifests):
    for pod, container in pods(manifests):
        env = {one["name"]: one.get("value") for one in container.get("env", [])}
        stage = TOPOLOGY.stages.get(env.get("VIDEODROP_STAGE", ""))
        on_gpu = bool(stage and stage.gpu)
        assert (container["image"] == "videodrop-gpu") == on_gpu
        assert ("nvidia.com/gpu" in container["resources"]["limits"]) == on_gpu
        assert ("nodeSelector" in pod) == ("tolerations" in pod) == on_gpu
        assert (env.get("VIDEODROP_DEVICE") == "cuda") == on_gpu


@pytest.mark.parametrize("manifests", [OVERLAYS["embedded"]], indirect=True)
def test_pods_and_keda_reach_the_embedded_aws_by_names_that_it_answers_to(manifests):
    (settings,) = of_kind(manifests, "ConfigMap")
    hosts = {
        one["metadata"]["name"]: env["value"]
        for one in of_kind(manifests, "Deployment", "StatefulSet", "Job")
        for env in one["spec"]["template"]["spec"]["containers"][0].get("env", [])
        if env["name"] == "VIDEODROP_HOSTS"
    }
    assert hosts.keys() == {"aws"}, "the API answers at the names of its ingress"
    assert "VIDEODROP_HOSTS" not in settings["data"]
    names = json.loads(hosts["aws"])
    addresses = {settings["data"]["AWS_ENDPOINT_URL"]} | {
        one["spec"]["triggers"][0]["metadata"]["awsEndpoint"]
        for one in of_kind(manifests, "ScaledObject")
    }
    assert {re.fullmatch(r"http://([\w.]+):4599", one)[1] for one in addresses} == set(names)
    for one in of_kind(manifests, "ScaledObject"):
        region = one["spec"]["triggers"][0]["metadata"]["awsRegion"]
        assert region == settings["data"]["AWS_REGION"]
