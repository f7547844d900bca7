"""OpenPGP signatures: what they are of; whether they are right needs a keyring."""

import hashlib
import re
from typing import Final

from entrepot.extract import limits
from entrepot.extract.files import open_blob, read_whole
from entrepot.extract.findings import OPENPGP, Blob, Result, Signature, Task
from entrepot.extract.limits import InputTooLarge, Unreadable
from entrepot.extract.signing.checks import SignatureCheck, Signing, signature_of, unreadable
from entrepot.extract.signing.openpgp_packets import SignaturePacket, find_packet
from entrepot.extract.texts import as_mapping, as_text, parse_yaml

ARMOR: Final = b"-----BEGIN PGP SIGNATURE-----"
_CHUNK: Final = 1024 * 1024
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def read_provenance(blob: Blob, task: Task) -> Signature:
    """Helm's `.prov`: what it says of the chart; whether OpenPGP agrees is for `helm verify`."""
    try:
        content = read_whole(blob, limits.TEXT)
        digests = _digests(content)
    except (InputTooLarge, Unreadable) as error:
        return unreadable(OPENPGP, str(error))
    packet = find_packet(content)
    if packet is None or not digests:
        return unreadable(OPENPGP, "it holds no OpenPGP signature over the digest of an archive")
    charts = [each for each in task.blobs if "chart.content" in each.media_type]
    if charts and not any(_digest_of(each) in digests for each in charts):
        reason = f"it signs {digests[0][:30]}…, not this archive"
        return _signature(digests, SignatureCheck(Result.INVALID, reason), packet, task)
    about = (
        "it names this archive"
        if charts
        else "whether it names this archive is not known: the archive is not here"
    )
    reason = f"an OpenPGP signature, checked by `helm verify` with a keyring; {about}"
    return _signature(digests, SignatureCheck(Result.NOT_CHECKED, reason), packet, task)


def _digests(content: bytes) -> list[str]:
    """The digests of files in the signed text, behind the chart's own description."""
    signed = content.partition(ARMOR)[0].decode(errors="replace").replace("\r\n", "\n")
    said = re.search(r"\n\.\.\.\s*\n(files:.*)", signed, re.DOTALL)
    files = as_mapping(as_mapping(parse_yaml(said[1].encode())).get("files")) if said else {}
    texts = (as_text(each, 200).lower() for each in files.values())
    return [each for each in texts if _DIGEST.fullmatch(each)]


def _signature(
    digests: list[str], checked: SignatureCheck, packet: SignaturePacket, task: Task
) -> Signature:
    """The signature as it tells of itself: its subject is an archive, and no manifest."""
    signing = Signing(
        signed_at=packet.created,
        source="the signer's own word",
        expires_at=packet.expires,
        hint=packet.key_id,
    )
    return signature_of(
        OPENPGP, digests, checked, signing, Task(task.extractor, "", [], now=task.now)
    )


def _digest_of(blob: Blob) -> str:
    """The digest of the file: its name is one only where bytes are kept in files."""
    try:
        with open_blob(blob) as file:
            hasher = hashlib.sha256()
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
            return f"sha256:{hasher.hexdigest()}"
    except Unreadable:
        return ""


def read_detached(content: bytes, task: Task) -> Signature:
    """A signature beside what it is of, which it does not name."""
    packet = find_packet(content)
    if packet is None:
        return unreadable(OPENPGP, "it is no OpenPGP signature")
    reason = "an OpenPGP signature names nothing: `gpg --verify` checks it with the signed bytes"
    return _signature([], SignatureCheck(Result.NOT_CHECKED, reason), packet, task)
