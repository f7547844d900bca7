"""Exemptions from pull policies: what is let pass, why, until when, and who says so."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from entrepot.errors import Invalid, InvalidDigest, InvalidTag
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag

_VULNERABILITY: Final = re.compile(
    r"((?:[A-Z]+-)*(?:CVE|GHSA|GO|PYSEC|RUSTSEC|OSV|DSA|DLA|USN|RH[SBE]A|RLSA|ALSA|ELSA|CGA|MAL|"
    r"SUSE-[A-Z]+|[A-Z]{2,10}-SA)-[A-Za-z0-9:_.-]{1,100})(?:@(\S{1,200}))?"
)


@dataclass(frozen=True, slots=True)
class Exempted:
    """The subject of an exemption: a digest, a tag, or a vulnerability (of a package)."""

    digest: str = ""
    tag: str = ""
    vulnerability: str = ""
    package: str = ""

    @classmethod
    def parse(cls, text: str) -> "Exempted":
        """A digest, `ID` or `ID@PACKAGE` of a vulnerability, or a tag (`tag:NAME`); else `Invalid`.

        A tag that looks like a vulnerability is written with `tag:` before it.
        """
        try:
            if text.startswith(("sha256:", "sha512:")):
                return cls(digest=str(Digest.parse(text)))
            found = _VULNERABILITY.fullmatch(text)
            if found is not None:
                return cls(vulnerability=found[1], package=found[2] or "")
            return cls(tag=Tag(text.removeprefix("tag:")).text)
        except (InvalidDigest, InvalidTag) as error:
            raise Invalid(
                f"{text[:100]} is no digest, tag or id of a vulnerability (such as CVE-2024-3094)"
            ) from error


@dataclass(frozen=True, slots=True)
class Exemption:
    """An exemption; `repository` is empty where it is for the whole namespace."""

    id: int
    namespace_id: int
    repository: str
    what: str
    reason: str
    until: datetime
    created_at: datetime
    created_by: str

    @property
    def exempted(self) -> Exempted:
        """The subject of the exemption."""
        return Exempted.parse(self.what)
