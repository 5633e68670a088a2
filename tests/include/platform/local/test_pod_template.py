"""The pod of a task, held against Kubernetes' own schemas, against the image, and against what the executor looks for."""

import kubernetes_validate
import pytest
import yaml

from include.settings import PROJECT

POD = yaml.safe_load((PROJECT / "include/platform/local/kubernetes/pod_template.yaml").read_text())
DOCKERFILE = (PROJECT / "Dockerfile").read_text()


@pytest.mark.parametrize("version", ["1.29", kubernetes_validate.latest_version()])
def test_it_is_a_pod_as_kubernetes_has_it(version: str) -> None:
    kubernetes_validate.validate(POD, version, strict=True)


def test_a_misspelt_field_is_found() -> None:
    wrong = {**POD, "spec": {**POD["spec"], "restartPolice": "Never"}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_the_executor_finds_its_container_and_the_pod_ends_with_it() -> None:
    assert [each["name"] for each in POD["spec"]["containers"]] == ["base"]
    assert POD["spec"]["restartPolicy"] == "Never"


def test_a_task_is_the_user_of_the_image_and_may_nothing_else() -> None:
    (container,) = POD["spec"]["containers"]
    assert POD["spec"]["securityContext"]["runAsNonRoot"] is True
    assert f"--uid {POD['spec']['securityContext']['runAsUser']} ratchet" in DOCKERFILE
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert container["resources"]["limits"]["memory"]


def test_secrets_are_files_and_the_home_is_where_the_image_has_it() -> None:
    (container,) = POD["spec"]["containers"]
    places = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert places == {"secrets": "/run/secrets", "home": "/var/lib/ratchet"}
    assert "RATCHET_HOME=/var/lib/ratchet" in DOCKERFILE
    assert not [each for each in container["env"] if "valueFrom" in each]
