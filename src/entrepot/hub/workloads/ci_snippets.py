"""Lines to paste into a pipeline, so that it signs in with its own ID token."""

from dataclasses import dataclass

from entrepot.model.people.workloads import IssuerKind, Trust


@dataclass(frozen=True, slots=True)
class Snippet:
    """Some lines, and the file that they belong into."""

    file: str
    text: str


def snippet_for(kind: IssuerKind, trust: Trust, host: str, audience: str) -> Snippet:
    """The lines for a job that the trust is meant for."""
    login = f"docker login {host} -u {trust.full_name} --password-stdin"
    if kind is IssuerKind.GITHUB:
        return Snippet(".github/workflows/push.yml", _github(login, audience))
    if kind is IssuerKind.GITLAB:
        return Snippet(".gitlab-ci.yml", _gitlab(login, audience))
    if kind is IssuerKind.KUBERNETES:
        return Snippet("pod.yaml", _kubernetes(login, audience))
    text = f"# ID_TOKEN: a token of the job for the audience {audience}\n"
    return Snippet("pipeline", f'{text}printf %s "$ID_TOKEN" | {login}\n')


def _github(login: str, audience: str) -> str:
    return f"""\
permissions:
  id-token: write
  contents: read
steps:
  - name: Sign in without a secret
    run: |
      curl -sSf -H "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\
        "$ACTIONS_ID_TOKEN_REQUEST_URL&audience={audience}" | jq -j .value |
        {login}
"""


def _gitlab(login: str, audience: str) -> str:
    return f"""\
push:
  id_tokens:
    HUB_TOKEN:
      aud: {audience}
  script:
    - printf %s "$HUB_TOKEN" | {login}
"""


def _kubernetes(login: str, audience: str) -> str:
    return f"""\
volumes:
  - name: hub
    projected:
      sources:
        - serviceAccountToken: {{ path: token, audience: "{audience}", expirationSeconds: 3600 }}
containers:
  - name: build
    volumeMounts: [{{ name: hub, mountPath: /var/run/hub }}]
    command: ["sh", "-c", "{login} < /var/run/hub/token && ./push"]
"""
