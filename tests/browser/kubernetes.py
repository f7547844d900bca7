"""As much of a Kubernetes API as Helm needs to install a chart: it keeps what it is given."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.browser.protobuf import MAGIC, read_secret

_GROUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "v1": {"Secret": "secrets", "Service": "services", "ServiceAccount": "serviceaccounts"},
    "apps/v1": {"Deployment": "deployments"},
}
_KINDS: Final = {plural: kind for each in _GROUPS.values() for kind, plural in each.items()}
_STATUS: Final = {"kind": "Status", "apiVersion": "v1", "metadata": {}}
_DONE: Final = (200, _STATUS | {"status": "Success"})
_ABSENT: Final = (404, _STATUS | {"status": "Failure", "reason": "NotFound", "code": 404})
_VERBS: Final = ["create", "delete", "get", "list", "patch", "update", "watch"]


@dataclass(slots=True)
class Cluster:
    """The objects of a cluster, by path."""

    kubeconfig: Path
    objects: dict[str, dict[str, object]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def names(self, plural: str) -> list[str]:
        """The names of all objects of a kind."""
        parts = [path.split("/") for path in self.objects]
        return [each[-1] for each in parts if each[-2] == plural]

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, object]:
        """Answer a request of a client's."""
        self.asked.append(f"{method} {target}")
        parts = urlsplit(target)
        discovered = _discover(parts.path)
        if discovered is not None:
            return 200, discovered
        if method == "POST":
            return self._create(parts.path, _read_object(body))
        if method in ("PUT", "PATCH"):
            return self._change(parts.path, _read_object(body))
        if method == "DELETE":
            return _DONE if self.objects.pop(parts.path, None) else _ABSENT
        return self._read(parts.path, parse_qs(parts.query).get("labelSelector", [""])[0])

    def _create(self, path: str, made: dict[str, object]) -> tuple[int, object]:
        metadata = made["metadata"]
        assert isinstance(metadata, dict)
        return self._change(f"{path}/{metadata['name']}", made)

    def _change(self, path: str, made: dict[str, object]) -> tuple[int, object]:
        self.objects[path] = self.objects.get(path, {}) | made
        return 201, self.objects[path]

    def _read(self, path: str, selector: str) -> tuple[int, object]:
        found = self.objects.get(path)
        if found is not None:
            return 200, found
        kind = _KINDS.get(path.rpartition("/")[2])
        if kind is None:
            return _ABSENT
        inside = [value for key, value in self.objects.items() if key.startswith(f"{path}/")]
        items = [each for each in inside if _fits(each, selector)]
        return 200, {"kind": f"{kind}List", "apiVersion": "v1", "metadata": {}, "items": items}


def _read_object(body: bytes) -> dict[str, object]:
    found = read_secret(body) if body.startswith(MAGIC) else yaml.safe_load(body)
    assert isinstance(found, dict)
    return found


def _fits(item: Mapping[str, object], selector: str) -> bool:
    metadata = item["metadata"]
    assert isinstance(metadata, dict)
    wanted = dict(each.split("=", 1) for each in selector.split(",") if "=" in each)
    return bool(wanted.items() <= metadata.get("labels", {}).items())


def _discover(path: str) -> object | None:
    if path == "/version":
        return {"major": "1", "minor": "33", "gitVersion": "v1.33.0"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        version = {"groupVersion": "apps/v1", "version": "v1"}
        group = {"name": "apps", "versions": [version], "preferredVersion": version}
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]}
    if path == "/openapi/v3":
        return {
            "paths": {
                _root(each): {"serverRelativeURL": f"/openapi/v3/{_root(each)}"} for each in _GROUPS
            }
        }
    for name, kinds in _GROUPS.items():
        if path == f"/{_root(name)}":
            return _resources(name, kinds)
        if path == f"/openapi/v3/{_root(name)}":
            return _schema(name, kinds)
    return None


def _root(group: str) -> str:
    return f"apis/{group}" if "/" in group else f"api/{group}"


def _resources(name: str, kinds: Mapping[str, str]) -> object:
    resources = [
        {"name": plural, "singularName": "", "namespaced": True, "kind": kind, "verbs": _VERBS}
        for kind, plural in kinds.items()
    ]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": name,
        "resources": resources,
    }


def _schema(name: str, kinds: Mapping[str, str]) -> object:
    """Only that the server checks fields itself, which spares clients from asking for more."""
    group, _, version = name.rpartition("/")
    checked = [{"name": "fieldValidation", "in": "query"}]
    paths = {
        f"/{_root(name)}/{plural}": {
            "patch": {
                "parameters": checked,
                "x-kubernetes-group-version-kind": {
                    "group": group,
                    "version": version,
                    "kind": kind,
                },
            }
        }
        for kind, plural in kinds.items()
    }
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "1"}, "paths": paths}


@contextmanager
def cluster(directory: Path) -> Iterator[Cluster]:
    """A cluster that listens, and the file that tells clients where."""
    made = Cluster(directory / "kubeconfig")

    class Handler(BaseHTTPRequestHandler):
        """Hands requests to the cluster."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer any method."""
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, document = made.answer(self.command, self.path, body)
            said = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    made.kubeconfig.write_text(json.dumps(_configuration(address)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _configuration(address: str) -> object:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": address}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": ""}}],
        "current-context": "test",
    }
