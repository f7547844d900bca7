"""The example files of `deploy` are what their programs take, and agree with one another."""

import json
import os
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from entrepot.cli.common.configuration import read_settings
from entrepot.http.certificates import ensure_certificate
from entrepot.settings import Settings
from scripts.setting_files import example_text
from tests.support.requirements import SYSTEMD_DIRECTORY, require
from tests.support.server import serving
from tests.support.tools import ROOT, run, tool

DEPLOY = ROOT / "deploy"
SETTINGS = {f"ENTREPOT_{each.name.upper()}" for each in fields(Settings)}
EXPOSED_AT_MOST = 20
"""Tenths of what systemd calls exposure, of a hundred; below 20 it says OK."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there."""
    path = tmp_path / "entrepot.service"
    text = (DEPLOY / "entrepot.service").read_text()
    path.write_text(re.sub("^ExecStart=.*", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    return path


def test_systemd_takes_the_unit(unit: Path) -> None:
    require(SYSTEMD_DIRECTORY)
    run(tool("systemd-analyze"), "verify", "--man=no", unit)


def test_the_unit_is_locked_in(unit: Path) -> None:
    require(SYSTEMD_DIRECTORY)
    threshold = f"--threshold={EXPOSED_AT_MOST}"
    run(tool("systemd-analyze"), "security", "--offline=true", threshold, unit)


def test_the_example_of_entrepot_toml_has_every_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`just chart` writes it; each of its lines is one that a hub takes."""
    text = (DEPLOY / "entrepot.toml").read_text()
    assert text == example_text()
    lines = re.findall(r"^# ([a-z0-9_]+ = .+)$", text, flags=re.MULTILINE)
    assert [line.partition(" ")[0] for line in lines] == [each.name for each in fields(Settings)]
    for line in lines:
        tomllib.loads(line)
    apart = ("tls ", "tls_cert ", "tls_key ", "oidc_", "ldap_", "storage_from ", "s3_", "secret_")
    wanted = "\n".join(line for line in lines if not line.startswith(apart))
    (tmp_path / "entrepot.toml").write_text(wanted)
    monkeypatch.chdir(tmp_path)
    assert read_settings().url == "https://hub.example.org"


def compose(name: str = "compose.yaml") -> dict[str, Any]:
    """A compose file."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text())
    for service in read["services"].values():
        settings = {each for each in service.get("environment", {}) if each.startswith("ENTREPOT_")}
        assert settings - SETTINGS == set()
    return read


def test_the_nodes_of_the_compose_file_differ_in_their_directory_only() -> None:
    services = compose()["services"]
    nodes = [dict(services[f"node{number}"]) for number in (1, 2, 3)]
    assert len({node.pop("volumes")[0] for node in nodes}) == 3
    assert nodes[0] == nodes[1] == nodes[2]
    told = {name for name in nodes[0]["environment"] if name.startswith("ENTREPOT_")}
    assert told - SETTINGS == set()
    proxies = json.loads(nodes[0]["environment"]["ENTREPOT_TRUSTED_PROXIES"])
    assert all("/" in each for each in proxies)


@pytest.mark.parametrize("name", ["compose.yaml", "compose-single.yaml"])
def test_whatever_a_compose_file_names_it_has(name: str) -> None:
    whole = compose(name)
    for service in whole["services"].values():
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in whole["volumes"]
        assert set(service.get("depends_on", [])) <= set(whole["services"])
        for config in service.get("configs", []):
            assert config["source"] in whole["configs"]


def directives(text: str) -> set[str]:
    """What is said about bodies, connections and headers, whoever listens where."""
    lines = (line.partition("#")[0].strip() for line in text.replace("$$", "$").splitlines())
    about = re.compile(r"(proxy_|client_|large_|gzip|keepalive|location)")
    return {" ".join(line.split()) for line in lines if about.match(line)}


def test_nginx_is_told_the_same_in_both_files() -> None:
    inline = compose()["configs"]["nginx"]["content"]
    assert directives(inline) == directives((DEPLOY / "nginx.conf").read_text())


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile", "compose.yaml"])
def test_proxies_close_idle_connections_before_the_hub_does(name: str) -> None:
    text = (DEPLOY / name).read_text()
    said = re.findall(r"^\s*keepalive(?:_timeout)? (\d+)s;?$", text, flags=re.MULTILINE)
    ours = Settings().idle_timeout.total_seconds()
    assert [seconds for seconds in said if int(seconds) * 2 > ours] == []
    assert said


def test_caddy_takes_its_file(tmp_path: Path) -> None:
    path = tmp_path / "Caddyfile"
    text = (DEPLOY / "Caddyfile").read_text()
    # Caddy reads certificates as it validates, and there are none here.
    path.write_text(re.sub(r"^\ttls .*\n", "", text, flags=re.MULTILINE))
    env = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "PATH": "/usr/bin"}
    run(tool("caddy"), "validate", "--adapter", "caddyfile", "--config", path, env=env)


MODULES = (
    *("mpm_event", "authz_core", "socache_shmcb", "ssl", "proxy", "proxy_http", "headers"),
    "reqtimeout",
)


def test_apache_takes_its_file(tmp_path: Path) -> None:
    modules = Path("/usr/lib/apache2/modules")
    program = tool("apache2")
    if not modules.exists():
        modules = program.parents[1] / "root/usr/lib/apache2/modules"
    ensure_certificate(tmp_path, "127.0.0.1", None)
    text = (DEPLOY / "apache.conf").read_text()
    text = text.replace("/etc/ssl/hub/chain.pem", str(tmp_path / "server.crt"))
    text = text.replace("/etc/ssl/hub/key.pem", str(tmp_path / "server.key"))
    loads = "".join(f"LoadModule {each}_module {modules}/mod_{each}.so\n" for each in MODULES)
    path = tmp_path / "apache.conf"
    path.write_text(f"ServerRoot {tmp_path}\nServerName a\nErrorLog {tmp_path}/log\n{loads}{text}")
    run(program, "-t", "-f", path)


def test_traefik_s_file_names_what_it_has() -> None:
    http = yaml.safe_load((DEPLOY / "traefik.yaml").read_text())["http"]
    router, service = http["routers"]["hub"], http["services"]["hub"]["loadBalancer"]
    assert router["service"] in http["services"]
    assert service["serversTransport"] in http["serversTransports"]
    assert service["passHostHeader"] is True


@pytest.mark.clients
def test_images_are_pinned_to_what_their_tags_are_now(tmp_path: Path) -> None:
    with serving(tmp_path / "data", ENTREPOT_OPEN="true") as hub:
        config, layer = tmp_path / "config", tmp_path / "layer"
        config.write_text("{}")
        layer.write_text("layer")
        oras = tool("oras")
        pushed = run(oras, "push", "--plain-http", f"{hub.host}/base/os:12", "layer", cwd=tmp_path)
        (digest,) = re.findall(r"Digest: (sha256:[0-9a-f]{64})", pushed)
        image = f"{hub.host}/base/os:12"
        dockerfile, compose_file = tmp_path / "Dockerfile", tmp_path / "compose.yaml"
        dockerfile.write_text(f"ARG BUILD={image}\nFROM ${{BUILD}} AS build\nFROM {image} AS run\n")
        compose_file.write_text(f"services:\n  a:\n    image: {image}\n    image: entrepot\n")
        script = ROOT / "scripts" / "pin-images.sh"
        env = {**os.environ, "CRANE": str(tool("crane")), "REGISTRY_FLAGS": "--insecure"}
        for _ in range(2):
            run(script, dockerfile, compose_file, env=env)
        assert dockerfile.read_text() == (
            f"ARG BUILD={image}@{digest}\nFROM ${{BUILD}} AS build\nFROM {image}@{digest} AS run\n"
        )
        assert f"image: {image}@{digest}\n    image: entrepot\n" in compose_file.read_text()


def test_every_base_is_named_so_that_a_release_pins_it() -> None:
    for name in ("Dockerfile", "deploy/compose.yaml"):
        lines = (ROOT / name).read_text().splitlines()
        images = [line for line in lines if re.match(r"ARG |\s+image: .*/", line)]
        assert images
        for line in images:
            assert re.search(
                r"[a-z0-9.]+/[a-z0-9/_-]+:(?!latest)[\w.-]+(@sha256:[0-9a-f]{64})?$", line
            )


def test_the_image_is_built_of_files_that_there_are() -> None:
    text = (ROOT / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", text, flags=re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert names
    for name in names:
        assert (ROOT / name).exists()
        assert f"!{name}" in allowed


def test_a_hub_takes_the_values_of_the_compose_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in compose()["services"]["node1"]["environment"].items():
        # As Compose does where `.env` says nothing.
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)))
    settings = read_settings()
    assert settings.storage == "s3://entrepot/hub"
    assert settings.stop_delay is not None


def test_the_image_runs_as_nobody_and_without_a_shell() -> None:
    last = (ROOT / "Dockerfile").read_text().rpartition("FROM ")[2]
    assert "USER 65532:65532" in last
    assert "\nRUN " not in last
    for word in ("ENTRYPOINT", "CMD"):
        (command,) = re.findall(rf"^\s*{word} (.+)$", last, flags=re.MULTILINE)[-1:]
        assert json.loads(command)
    told = set(re.findall(r"\bENTREPOT_[A-Z_]+", last))
    assert told - SETTINGS == set()


def test_what_a_page_quotes_of_an_example_is_in_it() -> None:
    """A block after a paragraph that begins with such a file, commands aside, is part of it."""
    link = r"\[[^\]]+\]\(\.\./\.\./(deploy/[\w./-]+|Dockerfile)\)(?:(?!\n\n).)*:"
    quotes = re.compile(link + r"\n\n```(?!console)\w+\n(.*?)```", re.DOTALL)
    checked = set()
    for page in (ROOT / "docs" / "how-to").glob("*.md"):
        for name, block in quotes.findall(page.read_text()):
            assert block.strip() in (ROOT / name).read_text(), (page.name, name)
            checked.add(name)
    assert {"deploy/nginx.conf", "deploy/Caddyfile", "deploy/entrepot.service"} <= checked
