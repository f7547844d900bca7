"""OpenPGP signatures: what they are of; whether they are right needs a keyring."""

import hashlib
import re
from typing import Final

from entrepot.extract import limits
from entrepot.extract.checks import unreadable
from entrepot.extract.files import open_blob, read_whole
from entrepot.extract.findings import OPENPGP, Blob, Result, Signature, Task
from entrepot.extract.limits import TooLarge, Unreadable
from entrepot.extract.texts import as_mapping, as_text, parse_yaml

ARMOR: Final = b"-----BEGIN PGP SIGNATURE-----"
_CHUNK: Final = 1024 * 1024
_SIGNATURE_PACKETS: Final = frozenset({0x88, 0x89, 0x8A, 0xC2})
"""How a signature packet begins, in the old and in the new format (RFC 9580 section 4.2)."""


def read_provenance(blob: Blob, task: Task) -> Signature:
    """Helm's `.prov`: what it says of the chart; whether OpenPGP agrees is for `helm verify`."""
    try:
        text = read_whole(blob, limits.TEXT).decode(errors="replace")
    except (TooLarge, Unreadable) as error:
        return unreadable(OPENPGP, str(error))
    signed, armor, _ = text.partition(ARMOR.decode())
    said = re.search(r"\n\.\.\.\s*\n(files:.*)", signed, re.DOTALL)
    try:
        files = as_mapping(as_mapping(parse_yaml(said[1].encode())).get("files")) if said else {}
    except (TooLarge, Unreadable):
        files = {}
    digests = [as_text(each, 200).lower() for each in files.values()]
    named = next(iter(digests), "")
    if not armor or not digests:
        return unreadable(OPENPGP, "it holds no OpenPGP signature over the digest of an archive")
    charts = [each for each in task.blobs if "chart.content" in each.media_type]
    about = "whether it names this archive is not known: the archive is not here"
    if charts:
        if not any(_digest_of(each) in digests for each in charts):
            reason = f"it signs {named[:30]}…, not this archive"
            return Signature(OPENPGP, named, check=Result.INVALID, reason=reason)
        about = "it names this archive"
    reason = f"an OpenPGP signature, checked by `helm verify` with a keyring; {about}"
    return Signature(OPENPGP, named, check=Result.NOT_CHECKED, reason=reason)


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


def is_openpgp(content: bytes) -> bool:
    """Say whether bytes are an OpenPGP signature, armored or not."""
    start = content.lstrip()[:200]
    is_armored = start.startswith((b"-----BEGIN PGP SIGNATURE", b"-----BEGIN PGP SIGNED MESSAGE"))
    return is_armored or (bool(content) and content[0] in _SIGNATURE_PACKETS)


def read_detached(content: bytes) -> Signature:
    """A signature beside what it is of, which it does not name."""
    if not is_openpgp(content):
        return unreadable(OPENPGP, "it is no OpenPGP signature")
    reason = "an OpenPGP signature names nothing: `gpg --verify` checks it with the signed bytes"
    return Signature(OPENPGP, check=Result.NOT_CHECKED, reason=reason)
