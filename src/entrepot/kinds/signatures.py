"""Signatures: cosign's, sigstore bundles, the Notary Project's, OpenPGP's."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Final

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, CommandTarget
from entrepot.kinds.descriptions import FactsOf, annotation_facts, describe, no_facts
from entrepot.kinds.recognition.kind import Extractor, Family, Kind, Tab
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.predicates import Recognizes, all_layers, any_of, layered, typed

_SIGNS: Final = "https://sigstore.dev/cosign/sign/v1"
_BUNDLE: Final = "application/vnd.dev.sigstore.bundle*"
_COSIGN: Final = "application/vnd.dev.cosign.artifact.sig.v*"
_NOTATION: Final = "application/vnd.cncf.notary.signature"
_GPG: Final = ("application/pgp-signature", "application/vnd.gnupg.*")
_TYPES: Final = (_COSIGN, _NOTATION, *_GPG)
_PREDICATE: Final = "dev.sigstore.bundle.predicateType"
_TABS: Final = (Tab.SIGNATURES, Tab.DOCUMENT, Tab.FILES, Tab.CONFIG)


def subject_of(target: CommandTarget, view: ManifestView) -> str:
    """The reference of what an attachment speaks of; its own where it does not say."""
    subject = view.manifest.subject
    return f"{target.repository_reference}@{subject.digest}" if subject else target.pinned


def _commands(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    subject, flags = subject_of(target, view), shell.cosign(target)
    return (
        Command(
            "cosign",
            "Verify the signer",
            f"cosign verify{flags} {subject} \\\n  --certificate-identity IDENTITY"
            " \\\n  --certificate-oidc-issuer ISSUER",
        ),
        Command("cosign", "Verify with a key", f"cosign verify{flags} --key cosign.pub {subject}"),
        Command("cosign", "Show all referrers", f"cosign tree{flags} {subject}"),
        *shell.generic(target, view),
    )


def _notation(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    subject = subject_of(target, view)
    flags = "" if target.is_https else " --insecure-registry"
    return (
        Command("notation", "Verify", f"notation verify{flags} {subject}"),
        Command("notation", "List", f"notation ls{flags} {subject}"),
        Command("notation", "Inspect", f"notation inspect{flags} {subject}"),
        *shell.generic(target, view),
    )


def attests(view: ManifestView) -> bool:
    """Say whether a sigstore bundle holds a statement that is more than a signature."""
    return _attests(view.manifest.annotations)


def is_signature(artifact_type: str, annotations: Mapping[str, str]) -> bool:
    """Say whether a referrer is a signature, by what a list of referrers says of it."""
    if fnmatchcase(artifact_type, _BUNDLE):
        return not _attests(annotations)
    return any(fnmatchcase(artifact_type, each) for each in _TYPES)


def _attests(said: Mapping[str, str]) -> bool:
    return (
        said.get(_PREDICATE, _SIGNS) != _SIGNS
        and said.get("dev.sigstore.bundle.content", "") != "message-signature"
    )


def _signature(
    id_: str,
    name: str,
    plural: str,
    recognizes: Recognizes,
    facts: FactsOf = no_facts,
    commands: Callable[[CommandTarget, ManifestView], tuple[Command, ...]] = _commands,
) -> Kind:
    return Kind(
        id=id_,
        name=name,
        plural=plural,
        family=Family.SIGNATURE,
        icon="signature",
        recognizes=recognizes,
        commands=commands,
        describe=describe,
        facts=facts,
        tabs=_TABS,
        extractor=Extractor.DOCUMENTS,
        is_attachment=True,
    )


COSIGN: Final = _signature(
    "cosign-signature",
    "Cosign signature",
    "Cosign signatures",
    any_of(
        layered("application/vnd.dev.cosign.simplesigning.v*"),
        typed(_COSIGN),
    ),
)
BUNDLE: Final = _signature(
    "sigstore-signature",
    "Sigstore signature",
    "Sigstore signatures",
    # Some writers say so on the layer only.
    any_of(typed(_BUNDLE), all_layers(_BUNDLE)),
    annotation_facts(("Content", "dev.sigstore.bundle.content")),
)
NOTATION: Final = _signature(
    "notation-signature",
    "Notary Project signature",
    "Notary Project signatures",
    typed(_NOTATION),
    annotation_facts(("Certificates", "io.cncf.notary.x509chain.thumbprint#S256")),
    _notation,
)
GPG: Final = _signature(
    "gpg-signature",
    "OpenPGP signature",
    "OpenPGP signatures",
    any_of(
        typed(*_GPG, "application/pgp-keys"),
        all_layers("application/pgp-signature"),
    ),
)
HELM_PROVENANCE: Final = _signature(
    "helm-provenance",
    "Helm provenance file",
    "Helm provenance files",
    all_layers("application/vnd.cncf.helm.chart.provenance.v1.prov"),
)

KINDS: Final[tuple[Kind, ...]] = (HELM_PROVENANCE, COSIGN, BUNDLE, NOTATION, GPG)
