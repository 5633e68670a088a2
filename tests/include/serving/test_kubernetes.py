"""The manifests, held against Kubernetes' own schemas, against the image, and against each other."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from include.settings import PROJECT

FOLDER = PROJECT / "include/serving/kubernetes"
DOCUMENTS: dict[str, dict[str, Any]] = {path.name: yaml.safe_load(path.read_text()) for path in FOLDER.glob("*.yaml")}
OTHERS = ("kustomization.yaml", "inference-service.yaml")  # whose kinds Kubernetes itself does not know
VERSIONS = ("1.29", kubernetes_validate.latest_version())
DOCKERFILE = Path(PROJECT / "include/serving/Dockerfile").read_text()


def pods() -> dict[str, dict[str, Any]]:
    """Return what runs, by manifest."""
    predictor = dict(DOCUMENTS["inference-service.yaml"]["spec"]["predictor"])
    del predictor["minReplicas"]
    return {
        "deployment.yaml": DOCUMENTS["deployment.yaml"]["spec"]["template"]["spec"],
        "inference-service.yaml": predictor,
    }


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", sorted(DOCUMENTS.keys() - set(OTHERS)))
def test_a_manifest_is_as_kubernetes_has_it(name: str, version: str) -> None:
    kubernetes_validate.validate(DOCUMENTS[name], version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", pods())
def test_what_runs_is_a_pod_as_kubernetes_has_it(name: str, version: str) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "any"}, "spec": pods()[name]}
    kubernetes_validate.validate(pod, version, strict=True)


def test_a_misspelt_field_is_found() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "any"}, "spec": {"containres": []}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("name", pods())
def test_a_pod_may_nothing_that_it_does_not_need(name: str) -> None:
    pod = pods()[name]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"USER {pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" in DOCKERFILE
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", pods())
def test_a_pod_has_what_the_image_wants(name: str) -> None:
    (container,) = pods()[name]["containers"]
    assert f"EXPOSE {container['ports'][0]['containerPort']}" in DOCKERFILE
    places = {each["mountPath"] for each in container["volumeMounts"]}
    assert places == {"/tmp", "/var/lib/ratchet"}
    assert "RATCHET_HOME=/var/lib/ratchet" in DOCKERFILE
    assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pods()[name]["volumes"]}


def test_both_ways_run_the_same() -> None:
    ours, kserve = (pod["containers"][0] for pod in pods().values())
    for field in ("image", "securityContext", "resources", "volumeMounts"):
        assert ours[field] == kserve[field]


def test_all_that_belongs_together_is_applied_together() -> None:
    assert set(DOCUMENTS["kustomization.yaml"]["resources"]) == DOCUMENTS.keys() - set(OTHERS)
    labels = DOCUMENTS["deployment.yaml"]["spec"]["template"]["metadata"]["labels"]
    assert DOCUMENTS["service.yaml"]["spec"]["selector"] == labels
    assert DOCUMENTS["disruption.yaml"]["spec"]["selector"]["matchLabels"] == labels
    assert DOCUMENTS["network.yaml"]["spec"]["podSelector"]["matchLabels"] == labels
