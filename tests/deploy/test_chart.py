"""The Helm chart: what it makes is what Kubernetes takes, and a hub keeps it."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer
import yaml

from entrepot.cli.common.configuration import read_settings
from entrepot.settings import Settings
from scripts.setting_files import schema_text
from tests.support.server import PASSWORD, USER, Hub, serving
from tests.support.tools import ROOT, attempt, run, tool

CHART = ROOT / "deploy" / "chart" / "entrepot"
VERSIONS = ("1.29", "1.34")
MANY = (
    *("--set", "replicas=3,database.existingSecret=entrepot-database"),
    *("--set", "storage.url=s3://bucket/hub,storage.existingSecret=entrepot-s3"),
    *("--set", "storage.endpoint=https://s3.example.org,storage.region=eu-central-1"),
    *("--set", "ingress.enabled=true,ingress.host=hub.example.org,ingress.className=nginx"),
    *("--set", "ingress.tlsSecret=hub-tls,url=https://hub.example.org"),
    *("--set", "admin.existingSecret=entrepot-admin,settings.sign_up=invitation"),
)
EVERYTHING = (
    *MANY,
    *("--set", "oidc.issuer=https://login.example.org,oidc.existingSecret=sso"),
    *("--set", "ca.existingConfigMap=company-ca,ca.key=bundle.pem"),
    *("--set-json", 'extraEnv=[{"name":"HTTPS_PROXY","value":"http://proxy:3128"}]'),
    *("--set-json", 'extraEnvFrom=[{"secretRef":{"name":"more"}}]'),
    *("--set-json", 'extraVolumes=[{"name":"more","emptyDir":{}}]'),
    *("--set-json", 'extraVolumeMounts=[{"name":"more","mountPath":"/more"}]'),
    *("--set-json", 'extraContainers=[{"name":"side","image":"side:1"}]'),
    *("--set-json", 'initContainers=[{"name":"first","image":"first:1"}]'),
    *("--set", "service.type=NodePort,service.nodePort=30500"),
    *("--set", "service.externalTrafficPolicy=Local"),
    *("--set", "httpRoute.enabled=true,httpRoute.hostnames={hub.example.org}"),
    *("--set-json", 'httpRoute.parentRefs=[{"name":"public","namespace":"gateways"}]'),
    *("--set", "serviceMonitor.enabled=true,serviceMonitor.labels.release=prometheus"),
    *("--set", "networkPolicy.enabled=true"),
    *("--set-json", 'networkPolicy.from=[{"namespaceSelector":{"matchLabels":{"a":"b"}}}]'),
    *("--set-json", 'networkPolicy.egress=[{"ports":[{"port":5432,"protocol":"TCP"}]}]'),
    *("--set", "podLabels.team=infra,priorityClassName=high,runtimeClassName=gvisor"),
    *("--set", "fullnameOverride=registry"),
)
OF_OTHERS = frozenset({"HTTPRoute", "ServiceMonitor"})
"""Kinds of custom resources, whose schemas Kubernetes does not have."""
MANNERS = {
    "with everything": EVERYTHING,
    "one node": (),
    "one node on a claim": ("--set", "persistence.existingClaim=mine"),
    "many nodes": MANY,
    "many nodes on files": (
        *("--set", "replicas=2,database.existingSecret=entrepot-database"),
        *("--set", "persistence.accessModes={ReadWriteMany},persistence.storageClass=nfs"),
        *("--set", "settings.open=true,settings.trusted_proxies={10.0.0.0/8}"),
    ),
}


def render(*words: str, version: str = VERSIONS[-1], chart: str | Path = CHART) -> str:
    """What Helm would send to a cluster of that version."""
    helm = tool("helm3")
    return run(helm, "template", "hub", chart, "--kube-version", version, *words)


def objects(*words: str, version: str = VERSIONS[-1]) -> list[dict[str, Any]]:
    """The same, read."""
    return [each for each in yaml.safe_load_all(render(*words, version=version)) if each]


def of_kind(found: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The one object of a kind."""
    (one,) = [each for each in found if each["kind"] == kind]
    return one


@pytest.mark.parametrize("helm", ["helm3", "helm4"])
def test_the_chart_passes_the_linter(helm: str) -> None:
    run(tool(helm), "lint", "--strict", "--kube-version", VERSIONS[-1], CHART)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manner", MANNERS)
def test_everything_it_makes_is_what_kubernetes_takes(manner: str, version: str) -> None:
    found = objects(*MANNERS[manner], version=version)
    for each in found:
        if each["kind"] not in OF_OTHERS:
            kubernetes_validate.validate(each, version, strict=True)
    assert {"Deployment", "Service", "ConfigMap", "ServiceAccount"} <= {e["kind"] for e in found}


def test_one_node_keeps_its_volume_and_is_never_two() -> None:
    found = objects()
    claim = of_kind(found, "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert of_kind(found, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_many_nodes_keep_nothing_and_go_one_after_the_other() -> None:
    found = objects(*MANY)
    assert "PersistentVolumeClaim" not in {each["kind"] for each in found}
    spec = of_kind(found, "Deployment")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert of_kind(found, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_every_setting_of_the_chart_is_one_of_the_hub() -> None:
    known = {f"ENTREPOT_{each.name.upper()}" for each in fields(Settings)}
    for words in MANNERS.values():
        found = objects(*words)
        container = hub_container(found)
        told = set(of_kind(found, "ConfigMap")["data"])
        told |= {each["name"] for each in container.get("env", [])}
        assert told - known - {"SSL_CERT_FILE", "HTTPS_PROXY"} == set()


def test_a_setting_that_the_hub_does_not_have_is_refused() -> None:
    """The schema knows every setting; `just chart` writes them there."""
    assert (CHART / "values.schema.json").read_text() == schema_text()
    done = attempt(tool("helm3"), "template", "hub", CHART, "--set", "settings.sign_upp=open")
    assert done.status != 0
    assert "sign_upp" in done.stderr


def hub_container(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The container that serves."""
    containers = of_kind(found, "Deployment")["spec"]["template"]["spec"]["containers"]
    (one,) = [each for each in containers if each["name"] == "entrepot"]
    made: dict[str, Any] = one
    return made


def test_secrets_and_certificates_reach_the_hub() -> None:
    found = objects(*EVERYTHING)
    env = {each["name"]: each for each in hub_container(found)["env"]}
    client = env["ENTREPOT_OIDC_CLIENT_SECRET"]["valueFrom"]["secretKeyRef"]
    assert client == {"name": "sso", "key": "client-secret"}
    assert env["SSL_CERT_FILE"]["value"] == "/etc/entrepot/ca/ca.crt"
    mounts = {each["name"]: each["mountPath"] for each in hub_container(found)["volumeMounts"]}
    assert (mounts["ca"], mounts["more"]) == ("/etc/entrepot/ca", "/more")
    volumes = of_kind(found, "Deployment")["spec"]["template"]["spec"]["volumes"]
    (ca,) = [each for each in volumes if each["name"] == "ca"]
    assert ca["configMap"]["items"] == [{"key": "bundle.pem", "path": "ca.crt"}]
    assert (
        of_kind(found, "ConfigMap")["data"]["ENTREPOT_OIDC_ISSUER"] == "https://login.example.org"
    )


def test_routes_monitors_and_policies_lead_to_the_service() -> None:
    found = objects(*EVERYTHING)
    service = of_kind(found, "Service")
    assert service["metadata"]["name"] == "registry"
    (port,) = service["spec"]["ports"]
    assert (port["name"], port["nodePort"]) == ("http", 30500)
    (rule,) = of_kind(found, "HTTPRoute")["spec"]["rules"]
    assert rule["backendRefs"] == [{"name": "registry", "port": port["port"]}]
    monitor = of_kind(found, "ServiceMonitor")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    selected = monitor["spec"]["selector"]["matchLabels"].items()
    assert selected <= service["metadata"]["labels"].items()
    policy = of_kind(found, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    pod = of_kind(found, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
    assert policy["podSelector"]["matchLabels"].items() <= pod
    assert policy["ingress"][0]["ports"] == [{"port": "http", "protocol": "TCP"}]


def test_every_value_is_in_the_chart_s_readme() -> None:
    readme = (CHART / "README.md").read_text()
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for name, value in values.items():
        assert f"`{name}" in readme, name
        for inner in value if isinstance(value, dict) and name != "resources" else ():
            assert f".{inner}`" in readme, f"{name}.{inner}"


@pytest.mark.parametrize("manner", MANNERS)
def test_a_hub_takes_the_values_that_the_chart_gives(
    manner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = objects(*MANNERS[manner])
    data = of_kind(found, "ConfigMap")["data"]
    # What comes from a secret has a value there that is not the chart's.
    secret = {each["name"] for each in hub_container(found).get("env", []) if "valueFrom" in each}
    for name in secret - {"ENTREPOT_DATABASE"}:
        monkeypatch.setenv(name, "from-a-secret")
    for name, value in data.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert settings.port == 5000
    assert settings.stop_delay is not None
    assert settings.url == data.get("ENTREPOT_URL")


def test_a_setting_that_the_chart_was_told_wrongly_is_refused_by_the_hub_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    extra = 'extraEnv=[{"name":"ENTREPOT_SING_UP","value":"open"}]'
    for each in hub_container(objects("--set-json", extra))["env"]:
        monkeypatch.setenv(each["name"], each["value"])
    with pytest.raises(typer.Exit):
        read_settings()
    assert "ENTREPOT_SING_UP is not a setting: did you mean ENTREPOT_SIGN_UP?" in (
        capsys.readouterr().err
    )


def test_a_pod_may_do_nothing_that_it_need_not() -> None:
    spec = of_kind(objects(*MANY), "Deployment")["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("replicas=2", "more than one replica needs"),
        ("replicas=0", "replicas"),
        ("replicsa=1", "replicsa"),
        ("ingress.enabled=true", "ingress.host"),
        ("httpRoute.enabled=true", "httpRoute.parentRefs"),
        ("oidc.issuer=https://a.example", "oidc.existingSecret"),
        ("ca.existingSecret=a,ca.existingConfigMap=b", "not both"),
        ("service.nodePort=70000", "nodePort"),
        ("storage.url=/srv/bytes", "storage"),
    ],
)
def test_values_that_make_no_sense_are_refused(words: str, said: str) -> None:
    helm = tool("helm3")
    done = attempt(helm, "template", "hub", CHART, "--kube-version", "1.34", "--set", words)
    assert done.status != 0
    assert said in done.stderr


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A running hub."""
    with serving(tmp_path_factory.mktemp("chart") / "data") as running:
        yield running


@pytest.mark.clients
@pytest.mark.parametrize("name", ["helm3", "helm4"])
def test_the_hub_keeps_its_own_chart(name: str, hub: Hub, tmp_path: Path) -> None:
    helm, home = tool(name), {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    registry = f"oci://{hub.host}/docker"
    login = ("registry", "login", hub.host, "--plain-http", "-u", USER, "--password-stdin")
    run(helm, *login, env=home, stdin=PASSWORD)
    run(helm, "package", CHART, "--destination", tmp_path, env=home)
    (package,) = tmp_path.glob("entrepot-*.tgz")
    run(helm, "push", package, registry, "--plain-http", env=home)
    pulled = tmp_path / "pulled"
    pulled.mkdir()
    run(helm, "pull", f"{registry}/entrepot", "--plain-http", "-d", pulled, env=home)
    assert (pulled / package.name).read_bytes() == package.read_bytes()
    assert render(*MANY, chart=pulled / package.name) == render(*MANY)
