"""Recipes of the help page: how each client, a CI system and a hub without TLS are set up."""

from dataclasses import dataclass

from entrepot.web.requests import PageRequest


@dataclass(frozen=True, slots=True)
class Recipe:
    """Lines to copy; `place` is the file that they belong into, empty for commands."""

    id: str
    title: str
    text: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Recipes:
    """The recipes by the part of the page that they are in."""

    clients: list[Recipe]
    ci: list[Recipe]
    insecure: list[Recipe]


def recipes_for(request: PageRequest) -> Recipes:
    """Return the recipes with the address that this visitor reaches the hub at."""
    host, plain = request.host, not request.is_https
    return Recipes(
        clients=[
            *_engines(host, is_plain=plain),
            *_artifact_clients(host, is_plain=plain),
            *_others(host, request.origin, is_plain=plain),
        ],
        ci=_ci(host),
        insecure=_insecure(host),
    )


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)


def _engines(host: str, *, is_plain: bool) -> list[Recipe]:
    app, tls = f"{host}/NAME/app:1.0", " --tls-verify=false" if is_plain else ""
    to = " --dest-tls-verify=false" if is_plain else ""
    copied = f"docker://docker.io/library/alpine:3 docker://{host}/NAME/alpine:3"
    return [
        Recipe(
            "docker",
            "Docker",
            _lines(f"docker login {host} -u NAME", f"docker tag IMAGE {app}", f"docker push {app}"),
        ),
        Recipe(
            "podman",
            "Podman",
            _lines(f"podman login{tls} {host} -u NAME", f"podman push{tls} IMAGE {app}"),
        ),
        Recipe("skopeo", "Skopeo", f"skopeo copy{to} {copied}"),
    ]


def _artifact_clients(host: str, *, is_plain: bool) -> list[Recipe]:
    plain = " --plain-http" if is_plain else ""
    notes = f"{host}/NAME/notes:1.0"
    return [
        Recipe(
            "helm",
            "Helm",
            _lines(
                f"helm registry login {host} -u NAME{plain}",
                f"helm push app-1.0.0.tgz oci://{host}/NAME{plain}",
                f"helm install app oci://{host}/NAME/app --version 1.0.0{plain}",
            ),
        ),
        Recipe(
            "oras",
            "ORAS",
            _lines(
                f"oras login{plain} {host} -u NAME",
                f"oras push{plain} {notes} notes.txt:text/plain",
                f"oras pull{plain} {notes}",
            ),
        ),
    ]


def _others(host: str, origin: str, *, is_plain: bool) -> list[Recipe]:
    insecure = " --insecure" if is_plain else ""
    crane = _lines(
        f"crane auth login {host} -u NAME -p TOKEN",
        f"crane copy{insecure} docker.io/library/alpine:3 {host}/NAME/alpine:3",
    )
    regctl = _lines(
        f"regctl registry set --tls disabled {host}" if is_plain else "",
        f"regctl registry login {host} -u NAME",
        f"regctl tag ls {host}/NAME/app",
    )
    return [
        Recipe("crane", "crane", crane),
        Recipe("regctl", "regctl", regctl),
        Recipe("cosign", "cosign", _cosign(host, is_plain=is_plain)),
        Recipe("kubernetes", "Kubernetes", _kubernetes(host)),
        Recipe("curl", "curl", f"curl -u NAME:TOKEN {origin}/api/v1/repositories/NAME/app"),
    ]


def _cosign(host: str, *, is_plain: bool) -> str:
    http = " --allow-http-registry" if is_plain else ""
    return _lines(
        "cosign generate-key-pair",
        f"cosign sign{http} --key cosign.key {host}/NAME/app@DIGEST",
        f"cosign verify{http} --key cosign.pub {host}/NAME/app:1.0",
    )


def _kubernetes(host: str) -> str:
    account = '{"imagePullSecrets": [{"name": "hub"}]}'
    return _lines(
        f"kubectl create secret docker-registry hub --docker-server={host} \\",
        "  --docker-username=NAME --docker-password=TOKEN",
        f"kubectl patch serviceaccount default -p '{account}'",
    )


def _ci(host: str) -> list[Recipe]:
    login = f'echo "$ENTREPOT_TOKEN" | docker login {host} -u NAME --password-stdin'
    gitlab = _lines(
        "push:",
        "  image: docker:29",
        "  services: [docker:29-dind]",
        "  script:",
        f"    - {login}",
        f"    - docker build -t {host}/NAME/app:$CI_COMMIT_TAG .",
        f"    - docker push {host}/NAME/app:$CI_COMMIT_TAG",
    )
    jenkins = _lines(
        "withCredentials([",
        "  string(credentialsId: 'entrepot', variable: 'ENTREPOT_TOKEN')",
        "]) {",
        f"  sh '{login}'",
        f"  sh 'docker push {host}/NAME/app:$TAG'",
        "}",
    )
    return [
        Recipe("github", "GitHub Actions", _github(host)),
        Recipe("gitlab", "GitLab CI", gitlab),
        Recipe("jenkins", "Jenkins", jenkins),
    ]


def _github(host: str) -> str:
    return _lines(
        "- uses: docker/login-action@v3",
        "  with:",
        f"    registry: {host}",
        "    username: NAME",
        "    password: ${{ secrets.ENTREPOT_TOKEN }}",
        "- uses: docker/build-push-action@v6",
        "  with:",
        "    push: true",
        f"    tags: {host}/NAME/app:${{{{ github.ref_name }}}}",
        "    sbom: true",
        "    provenance: mode=max",
    )


def _insecure(host: str) -> list[Recipe]:
    return [
        Recipe(
            "insecure-docker",
            "Docker",
            f'{{"insecure-registries": ["{host}"]}}',
            "/etc/docker/daemon.json",
        ),
        Recipe(
            "insecure-podman",
            "Podman, Skopeo, Buildah",
            _lines("[[registry]]", f'location = "{host}"', "insecure = true"),
            "/etc/containers/registries.conf.d/hub.conf",
        ),
        Recipe(
            "insecure-containerd",
            "containerd",
            _lines(f'[host."http://{host}"]', '  capabilities = ["pull", "resolve", "push"]'),
            f"/etc/containerd/certs.d/{host}/hosts.toml",
        ),
        Recipe(
            "insecure-buildkit",
            "BuildKit",
            _lines(f'[registry."{host}"]', "  http = true"),
            "buildkitd.toml",
        ),
        Recipe(
            "insecure-k3s",
            "k3s",
            _lines("mirrors:", f'  "{host}":', f'    endpoint: ["http://{host}"]'),
            "/etc/rancher/k3s/registries.yaml",
        ),
    ]
