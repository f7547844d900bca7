"""How a hub asks for credentials, and what it makes of bad ones."""

import base64
import json

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from tests.support.http import Answer, Client
from tests.wire.content import IMAGE, NOWHERE, image
from tests.wire.people import Person, basic, bearing, challenge

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_a_ping_without_credentials_is_challenged_without_a_scope(
    guarded: Client, path: str
) -> None:
    for answer in (guarded.get(path), guarded.head_of(path)):
        asked = challenge(answer)
        assert set(asked) == {"realm", "service"}
        assert asked["realm"] == f"http://{guarded.host}:{guarded.port}/token"


def test_a_challenge_names_no_other_scheme(guarded: Client) -> None:
    asked = guarded.get("/v2/").expect(401).headers["WWW-Authenticate"].lower()
    assert asked.count("bearer") == 1
    assert "basic" not in asked


NAME = "wire/asked"
SCOPES = [
    ("GET", f"/v2/{NAME}/manifests/latest", {f"{NAME}:pull"}),
    ("HEAD", f"/v2/{NAME}/blobs/{NOWHERE}", {f"{NAME}:pull,push"}),
    ("GET", f"/v2/{NAME}/tags/list", {f"{NAME}:pull"}),
    ("GET", f"/v2/{NAME}/referrers/{NOWHERE}", {f"{NAME}:pull"}),
    ("POST", f"/v2/{NAME}/blobs/uploads/", {f"{NAME}:pull,push"}),
    ("PUT", f"/v2/{NAME}/manifests/latest", {f"{NAME}:pull,push"}),
    ("PATCH", f"/v2/{NAME}/blobs/uploads/some-id", {f"{NAME}:pull,push"}),
    ("PUT", f"/v2/{NAME}/blobs/uploads/some-id?digest={NOWHERE}", {f"{NAME}:pull,push"}),
    ("DELETE", f"/v2/{NAME}/blobs/uploads/some-id", {f"{NAME}:pull,push"}),
    ("DELETE", f"/v2/{NAME}/manifests/latest", {f"{NAME}:delete"}),
    ("DELETE", f"/v2/{NAME}/blobs/{NOWHERE}", {f"{NAME}:delete"}),
    (
        "POST",
        f"/v2/{NAME}/blobs/uploads/?mount={NOWHERE}&from=wire/source",
        {f"{NAME}:pull,push", "wire/source:pull"},
    ),
]


@pytest.mark.parametrize(("method", "path", "scopes"), SCOPES)
def test_a_challenge_asks_for_what_the_request_needs(
    guarded: Client, method: str, path: str, scopes: set[str]
) -> None:
    answer = guarded.request(method, path)
    asked = challenge(answer)
    assert "error" not in asked
    assert set(asked["scope"].split(" ")) == {f"repository:{scope}" for scope in scopes}
    if method != "HEAD":
        answer.refused(401, "UNAUTHORIZED")


def test_the_catalog_asks_for_the_catalog(guarded: Client) -> None:
    assert challenge(guarded.get("/v2/_catalog"))["scope"] == "registry:catalog:*"


def test_a_token_for_too_little_is_told_so(guarded: Client, alice: Person) -> None:
    client = alice.with_token("repository:alice/challenged:pull")
    asked = challenge(client.post("/v2/alice/challenged/blobs/uploads/"))
    assert asked["error"] == "insufficient_scope"
    assert asked["scope"] == "repository:alice/challenged:pull,push"


def test_a_token_for_another_repository_is_too_little(alice: Person) -> None:
    client = alice.with_token("repository:alice/one:pull,push")
    asked = challenge(client.post("/v2/alice/two/blobs/uploads/"))
    assert asked["error"] == "insufficient_scope"


def test_a_token_of_no_scope_is_enough_for_a_ping(alice: Person) -> None:
    alice.with_token().get("/v2/").expect(200)


BAD = [
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Bearer a.b.c",
    "Bearer ..",
    "Bearer " + "x" * 20_000,
    "Bearer eyJhbGciOiJub25lIn0.e30.",
    "bearer \u00ff\u00fe",
    "Basic",
    "Basic !!!",
    "Basic YQ==",
    "Basic /w==",
    "Basic " + base64.b64encode(b"alice:\xff\xfe").decode(),
    "Basic " + base64.b64encode(b"ali\x00ce:x").decode(),
    basic("alice", "wrong"),
    basic("nobody", "wrong"),
    basic("alice", ""),
    basic("alice", "x" * 10_000),
    "Negotiate abc",
    "Digest username=x",
    "nonsense",
]


@pytest.mark.parametrize("value", BAD, ids=range(len(BAD)))
@pytest.mark.parametrize("path", ["/v2/", "/v2/alice/none/tags/list"])
def test_bad_credentials_are_challenged_and_never_taken_for_none(
    guarded: Client, alice: Person, path: str, value: str
) -> None:
    answer = guarded.get(path, authorization=value)
    challenge(answer)
    answer.refused(401, "UNAUTHORIZED")


def test_a_bad_token_is_called_invalid(guarded: Client) -> None:
    assert challenge(guarded.get("/v2/", authorization="Bearer x.y.z"))["error"] == "invalid_token"


def test_empty_credentials_are_none(guarded: Client) -> None:
    asked = challenge(guarded.get("/v2/", authorization="Basic Og=="))
    assert set(asked) == {"realm", "service"}


def test_a_name_and_a_password_work_without_a_token(guarded: Client, alice: Person) -> None:
    value = basic(alice.name, alice.password)
    guarded.get("/v2/", authorization=value).expect(200)
    guarded.post("/v2/alice/by-basic/blobs/uploads/", authorization=value).expect(202)


def parts(token: str) -> tuple[dict[str, object], dict[str, object]]:
    """The header and the claims of a token."""
    header, payload, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    return json.loads(header), json.loads(payload)


def encode(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def forgeries(token: str) -> dict[str, str]:
    """Tokens like this one that the hub did not sign."""
    header, claims = parts(token)
    signature = token.split(".")[2]
    mine = ECKey.generate_key("P-256")
    public = mine.as_dict(private=False)
    wider = {**claims, "access": [{"type": "registry", "name": "catalog", "actions": ["*"]}]}
    signed = {"alg": "ES256", "typ": "JWT", "kid": header.get("kid")}
    secret = OctKey.import_key("x" * 32)
    return {
        "changed claims": f"{encode(header)}.{encode(wider)}.{signature}",
        "no signature": f"{encode(header)}.{encode(claims)}.",
        "alg none": f"{encode({**header, 'alg': 'none'})}.{encode(claims)}.",
        "alg None": f"{encode({**header, 'alg': 'None'})}.{encode(claims)}.{signature}",
        "another key": jwt.encode(signed, claims, mine),
        "another key inside": jwt.encode({**signed, "jwk": public}, claims, mine),
        "another key elsewhere": jwt.encode({**signed, "jku": "http://127.0.0.1/"}, claims, mine),
        "another key by name": jwt.encode({**signed, "kid": "mine"}, claims, mine),
        "a shared secret": jwt.encode({**signed, "alg": "HS256"}, claims, secret),
        "a cut signature": token[:-8],
        "a longer one": token + ".x",
        "white space": token.replace(".", ". ", 1),
    }


def test_a_forged_token_is_never_accepted(guarded: Client, alice: Person) -> None:
    genuine = alice.token()
    bearing(guarded, genuine).get("/v2/").expect(200)
    for name, forged in forgeries(genuine).items():
        answer = bearing(guarded, forged).get("/v2/")
        assert answer.status == 401, name
        assert challenge(answer)["error"] == "invalid_token", name


def test_a_refusal_does_not_repeat_the_credentials(guarded: Client) -> None:
    answer = guarded.get("/v2/", authorization="Bearer canary-of-a-secret")
    assert b"canary" not in answer.body
    assert "canary" not in answer.headers["WWW-Authenticate"]


def test_a_large_push_without_credentials_is_still_answered(guarded: Client) -> None:
    target = f"/v2/alice/none/blobs/uploads/?digest={NOWHERE}"
    guarded.post(target, b"x" * 2_000_000).refused(401, "UNAUTHORIZED")
    answer: Answer = guarded.put("/v2/alice/none/manifests/a", image(), content_type=IMAGE)
    answer.refused(401, "UNAUTHORIZED")
