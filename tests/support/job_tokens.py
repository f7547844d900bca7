"""ID tokens of jobs, as the issuers of CI systems and Kubernetes make them; and forged ones."""

import base64
import json
from typing import Final

from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.support.identity_provider import IdentityProvider

AUDIENCE: Final = "http://hub.test"
GITHUB: Final[dict[str, object]] = {
    "sub": "repo:octo@11/app@22:ref:refs/heads/main",
    "repository": "octo/app",
    "repository_id": "22",
    "repository_owner": "octo",
    "repository_owner_id": "11",
    "ref": "refs/heads/main",
    "sha": "0123456789abcdef0123456789abcdef01234567",
    "workflow": "push",
    "event_name": "push",
    "actor": "mona",
    "run_id": "8123",
    "run_attempt": "1",
    "job_workflow_ref": "octo/app/.github/workflows/push.yml@refs/heads/main",
}
GITLAB: Final[dict[str, object]] = {
    "sub": "project_path:team/app:ref_type:branch:ref:main",
    "project_id": "4242",
    "project_path": "team/app",
    "namespace_id": "72",
    "namespace_path": "team",
    "ref": "main",
    "ref_protected": "true",
    "user_login": "tanuki",
    "pipeline_id": "574",
    "job_id": "302",
}
KUBERNETES: Final[dict[str, object]] = {
    "sub": "system:serviceaccount:builds:pusher",
    "kubernetes.io": {
        "namespace": "builds",
        "serviceaccount": {"name": "pusher", "uid": "e1a7"},
        "pod": {"name": "build-7", "uid": "b2f0"},
    },
}


def claims_of(
    provider: IdentityProvider, now: float, job: dict[str, object] = GITHUB, **changes: object
) -> dict[str, object]:
    """The claims of a job's token that holds for ten minutes; `None` takes one away."""
    found: dict[str, object] = {
        "iss": provider.url,
        "aud": AUDIENCE,
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now) + 600,
        "jti": "job-1",
        **job,
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


def sign(
    payload: dict[str, object] | bytes,
    key: RSAKey | ECKey | OctKey,
    **header: object,
) -> str:
    """A token with that payload; the head says RS256 and the key of the test's provider."""
    head = {"typ": "JWT", "alg": "RS256", "kid": "rsa", **header}
    head = {name: value for name, value in head.items() if value is not None}
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    # By hand: a library would not write some of these heads.
    text = f"{encode(head)}.{encode(content)}"
    algorithm = jws.JWSRegistry(algorithms=[str(head["alg"])]).get_alg(str(head["alg"]))
    return f"{text}.{encode(algorithm.sign(text.encode(), key))}"


def job_token(
    provider: IdentityProvider, now: float, job: dict[str, object] = GITHUB, **changes: object
) -> str:
    """A job's token, signed by the provider."""
    return sign(claims_of(provider, now, job, **changes), provider.signing_key)


def encode(content: bytes | dict[str, object]) -> str:
    """One part of a token."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")
