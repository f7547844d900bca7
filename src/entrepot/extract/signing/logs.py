"""Entries of transparency logs that signatures bring: when, where, and by which key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from entrepot.extract.signing.certificates import load_certificate
from entrepot.extract.signing.keys import Key, key_of, load_key, pem_of
from entrepot.extract.signing.timestamps import parse_moment
from entrepot.extract.texts import (
    as_list,
    as_mapping,
    as_text,
    decode_or_nothing,
    json_or_nothing,
)

_DEPTH: Final = 8
_KINDS: Final = frozenset({"hashedrekord", "dsse"})
_SIGNATURES: Final = frozenset(
    {
        ("signature", "content"),
        ("signatures", "signature"),
        ("signatures", "content"),
    }
)
"""Where `hashedrekord` and `dsse` have signatures, in both versions of Rekor."""
_MOST: Final = 200
_KEYS: Final = frozenset({"content", "publicKey", "verifier", "rawBytes"})
"""Rekor's fields for a public key: hashedrekord `content`, intoto `publicKey`, dsse
`verifier`, and Rekor v2 `rawBytes`."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry as the signature tells it; the log itself was not asked."""

    moment: datetime | None = None
    index: str = ""
    key: Key | None = None
    signatures: frozenset[bytes] = frozenset()
    """Those that the entry is of; none where its kind is not known here."""

    def is_of(self, signature: bytes) -> bool:
        """Say whether the entry may be of that signature."""
        return not self.signatures or signature in self.signatures


def entry_of_annotation(said: Mapping[str, Any]) -> LogEntry:
    """cosign's annotation `dev.sigstore.cosign/bundle`."""
    entry = as_mapping(said.get("Payload"))
    return LogEntry(
        parse_moment(entry.get("integratedTime")),
        as_text(entry.get("logIndex"), 40),
        *_body(entry.get("body")),
    )


def entry_of_bundle(said: Mapping[str, Any]) -> LogEntry:
    """One of a sigstore bundle's `tlogEntries`; Rekor v2 writes no time into them."""
    # Protocol buffers leave a zero out, and the first entry of a log has that number.
    index = as_text(said.get("logIndex", 0), 40)
    return LogEntry(
        parse_moment(said.get("integratedTime")), index, *_body(said.get("canonicalizedBody"))
    )


def _body(body: object) -> tuple[Key | None, frozenset[bytes]]:
    """The key that the entry holds, and the signatures that it is of."""
    said = json_or_nothing(decode_or_nothing(body))
    texts = list(islice(_texts(said, "", 0), _MOST))
    keys = (_load(decode_or_nothing(text)) for _, name, text in texts if name in _KEYS)
    # intoto's entries write theirs twice encoded, and some leave them out.
    is_known = said.get("kind") in _KINDS
    signatures = frozenset(
        decode_or_nothing(text)
        for parent, name, text in texts
        if is_known and (parent, name) in _SIGNATURES
    )
    return next((each for each in keys if each is not None), None), signatures


def _texts(value: object, parent: str, depth: int) -> Iterator[tuple[str, str, str]]:
    """Texts with the names of what they stand in and of themselves."""
    if depth > _DEPTH:
        return
    for name, inner in as_mapping(value).items():
        if isinstance(inner, str):
            yield parent, name, inner
        else:
            yield from _texts(inner, name, depth + 1)
    for inner in as_list(value)[:_MOST]:
        yield from _texts(inner, parent, depth + 1)


def _load(content: bytes) -> Key | None:
    if b"-----BEGIN" in content:
        return load_key(content.decode(errors="replace"))
    certificate = load_certificate(content)
    if certificate:
        return key_of(certificate)
    return load_key(pem_of(content))
