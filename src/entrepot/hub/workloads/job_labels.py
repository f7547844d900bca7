"""The names of jobs: what a person recognizes a run by, from the claims of its ID token."""

from typing import Final

from entrepot.hub.workloads.trust_conditions import Claims, find_claim
from entrepot.model.people.workloads import IssuerKind

MAX_LABEL: Final = 300
_MAX_CLAIM: Final = 300
_KEPT: Final = {
    IssuerKind.GITHUB: (
        *("repository", "repository_id", "ref", "sha", "workflow", "event_name", "environment"),
        *("actor", "run_id", "run_attempt"),
    ),
    IssuerKind.GITLAB: (
        *("project_path", "project_id", "ref", "ref_protected", "sha", "environment"),
        *("user_login", "pipeline_id", "job_id"),
    ),
    IssuerKind.KUBERNETES: (
        "/kubernetes.io/namespace",
        "/kubernetes.io/serviceaccount/name",
        "/kubernetes.io/pod/name",
    ),
}


def kept_claims(kind: IssuerKind, claims: Claims) -> dict[str, str]:
    """The claims that are kept with a grant, by name."""
    found = {name: ", ".join(find_claim(claims, name)) for name in _KEPT.get(kind, ())}
    return {name: _line(value, _MAX_CLAIM) for name, value in found.items() if value}


def label_of(kind: IssuerKind, issuer: str, claims: Claims) -> str:
    """A line such as `github acme/app@refs/heads/main run 8123`, from the claims of a job."""

    def first(name: str) -> str:
        return (*find_claim(claims, name), "")[0]

    if kind is IssuerKind.GITHUB and first("repository"):
        parts = [f"{first('repository')}@{first('ref')}", "run", first("run_id")]
    elif kind is IssuerKind.GITLAB and first("project_path"):
        parts = [f"{first('project_path')}@{first('ref')}", "job", first("job_id")]
    elif kind is IssuerKind.KUBERNETES and first("/kubernetes.io/namespace"):
        pod = first("/kubernetes.io/pod/name")
        account = first("/kubernetes.io/serviceaccount/name")
        parts = [f"{first('/kubernetes.io/namespace')}/{account}", pod]
    else:
        parts = [first("sub")]
    return _line(" ".join((issuer, *filter(None, parts))), MAX_LABEL)


def _line(text: str, limit: int) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)[
        :limit
    ]
