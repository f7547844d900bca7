"""cosign signs and attests images here, in its new form and in its old one, without any network."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.clients.layers import write_layer
from tests.clients.programs import Program, program, untouched
from tests.support.server import Hub

pytestmark = pytest.mark.clients

NEVER_LOGGED = ("--insecure-ignore-tlog=true",)
OLD_FORM = ("--new-bundle-format=false",)
OLD_SIGNING = (*OLD_FORM, "--tlog-upload=false", "--use-signing-config=false")
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@dataclass(frozen=True, slots=True)
class Form:
    """The flags that choose how signatures are stored."""

    signing: tuple[str, ...]
    verifying: tuple[str, ...]


NEW = Form(
    ("--signing-config", "services.json", "--trusted-root", "roots.json"),
    ("--trusted-root", "roots.json"),
)
OLD = Form(OLD_SIGNING, OLD_FORM)
FORMS = pytest.mark.parametrize("form", [NEW, OLD], ids=["bundle", "tag"])


@dataclass(frozen=True, slots=True)
class Signer:
    """cosign with a key pair and without services, and crane beside it."""

    program: Program
    crane: Program
    hub: Hub
    repository: str

    def image(self, **files: bytes) -> str:
        """Push an image; return its reference by digest."""
        layer = write_layer(self.program.directory / "layer.tar", files)
        tag = f"{self.repository}:image"
        self.crane("append", "--new_layer", layer, "--new_tag", tag)
        return f"{self.repository}@{self.crane('digest', tag).strip()}"

    def sign(self, image: str, form: Form, *flags: str) -> None:
        """Sign an image with the key."""
        self.program("sign", "--yes", "--key", "cosign.key", *form.signing, *flags, image)

    def attest(self, image: str, form: Form, predicate: dict[str, int]) -> None:
        """Attest something of an image."""
        (self.program.directory / "predicate.json").write_text(json.dumps(predicate))
        what = ("--type", "custom", "--predicate", "predicate.json")
        self.program("attest", "--yes", "--key", "cosign.key", *what, *form.signing, image)

    def verifying(self, command: str, form: Form, *flags: str) -> tuple[str, ...]:
        """The words that check a signature or an attestation."""
        return (command, "--key", "cosign.pub", *NEVER_LOGGED, *form.verifying, *flags)

    def tags(self, repository: str = "") -> list[str]:
        """The tags of a repository."""
        return self.crane("ls", repository or self.repository).split()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A key pair and the two files that say that there are no services, by name."""
    place = tmp_path_factory.mktemp("keys")
    made = program("cosign", {"HOME": str(place), "COSIGN_PASSWORD": "phrase"}, place)
    made("generate-key-pair")
    made("signing-config", "create", "--out", "services.json")
    made("trusted-root", "create", "--out", "roots.json")
    return {file.name: file.read_bytes() for file in place.iterdir() if file.is_file()}


@pytest.fixture
def signer(hub: Hub, home: dict[str, str], tmp_path: Path, keys: dict[str, bytes]) -> Signer:
    """cosign, logged in."""
    work = tmp_path / "work"
    work.mkdir()
    for name, content in keys.items():
        (work / name).write_bytes(content)
    cosign = program("cosign", home | {"COSIGN_PASSWORD": "phrase"}, work)
    login = ("login", hub.host, "-u", hub.username, "--password-stdin")
    cosign(*login, stdin=hub.password)
    return Signer(cosign, program("crane", home, work), hub, untouched(hub, "cosign"))


@FORMS
def test_a_signed_image_verifies_and_an_unsigned_one_does_not(signer: Signer, form: Form) -> None:
    image = signer.image(one=b"1")
    verify = signer.verifying("verify", form)
    signer.program.refused(*verify, image)
    signer.sign(image, form, "-a", "who=me")
    claims = json.loads(signer.program(*verify, "-a", "who=me", image))
    digest = image.partition("@")[2]
    assert claims[0]["critical"]["image"]["docker-manifest-digest"] == digest
    signer.program.refused(*verify, "-a", "who=you", image)
    other = signer.image(two=b"2")
    signer.program.refused(*verify, other)


@FORMS
def test_an_attestation_verifies_and_comes_back(signer: Signer, form: Form) -> None:
    image = signer.image(one=b"1")
    signer.attest(image, form, {"answer": 42})
    words = signer.verifying("verify-attestation", form, "--type", "custom")
    said = signer.program(*words, image)
    assert "payload" in said
    wrong = signer.verifying("verify-attestation", form, "--type", "slsaprovenance")
    signer.program.refused(*wrong, image)
    assert signer.program("download", "attestation", image).strip()


def test_a_bundle_is_a_referrer_and_makes_no_tag(signer: Signer) -> None:
    image = signer.image(one=b"1")
    signer.sign(image, NEW)
    signer.attest(image, NEW, {"a": 1})
    assert signer.tags() == ["image"]
    tree = signer.program("tree", image)
    assert tree.count("via OCI referrer") == 2
    assert signer.program("download", "signature", image).count(BUNDLE) >= 1


def test_the_old_form_is_a_tag_beside_the_image(signer: Signer) -> None:
    image = signer.image(one=b"1")
    signer.sign(image, OLD)
    signer.attest(image, OLD, {"a": 1})
    stem = image.partition("@")[2].replace(":", "-")
    assert signer.tags() == ["image", f"{stem}.att", f"{stem}.sig"]
    tree = signer.program("tree", image)
    assert f"{stem}.sig" in tree
    assert f"{stem}.att" in tree


def test_an_old_signature_may_be_a_referrer(signer: Signer) -> None:
    image = signer.image(one=b"1")
    experimental = replace(
        signer.program, env=dict(signer.program.env) | {"COSIGN_EXPERIMENTAL": "1"}
    )
    bold = replace(signer, program=experimental)
    bold.sign(image, OLD, "--registry-referrers-mode", "oci-1-1")
    assert signer.tags() == ["image"]
    assert "application/vnd.dev.cosign.artifact.sig.v1+json" in signer.program("tree", image)


def test_every_image_of_an_index_is_signed(signer: Signer) -> None:
    one, two = signer.image(one=b"1"), signer.image(two=b"2")
    tag = f"{signer.repository}:index"
    signer.crane("index", "append", "-m", one, "-m", two, "-t", tag)
    index = f"{signer.repository}@{signer.crane('digest', tag).strip()}"
    signer.sign(index, NEW, "--recursive")
    for image in (one, two, index):
        signer.program(*signer.verifying("verify", NEW), image)


def test_an_image_is_saved_and_loaded_with_its_old_signature(signer: Signer) -> None:
    image = signer.image(one=b"1")
    signer.sign(image, OLD)
    signer.program("save", "--dir", "saved", image)
    copy = untouched(signer.hub, "cosign-loaded")
    signer.program("load", "--dir", "saved", f"{copy}:loaded")
    digest = image.partition("@")[2]
    assert f"{digest.replace(':', '-')}.sig" in signer.tags(copy)
    signer.program(*signer.verifying("verify", OLD), f"{copy}@{digest}")


@FORMS
def test_cleaned_signatures_are_gone(signer: Signer, form: Form) -> None:
    image = signer.image(one=b"1")
    signer.sign(image, form)
    signer.attest(image, form, {"a": 1})
    signer.program("clean", "--force", "--type", "all", image)
    assert signer.tags() == ["image"]
    signer.program.refused(*signer.verifying("verify", form), image)
    assert "referrer" not in signer.program("tree", image)
