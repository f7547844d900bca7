"""Ids of vulnerabilities: CVE, GHSA and the advisories of ecosystems and distributions."""

import re
from typing import Final

_FORMS: Final = (
    r"CVE-\d{4}-\d{4,19}",
    r"GHSA(?:-[0-9a-z]{4}){3}",
    r"(?:GO|PYSEC|RUSTSEC|OSV|MAL|GSD|BIT|HSEC|RSEC|PSF|ASB-A|CGA|JLSEC)-\d{4}-\d{1,9}",
    r"CGA(?:-[0-9a-z]{4}){3}",
    r"(?:DSA|DLA|DTSA|USN|LSN)-\d{1,6}-\d{1,3}",
    r"RH[SBE]A-\d{4}:\d{1,7}",
    r"(?:ELSA|ALSA|RLSA|RXSA|CESA)-\d{4}[:-]\d{1,7}",
    r"ALAS\d{0,4}(?:[A-Z0-9.]*)-\d{4}-\d{1,6}",
    r"(?:openSUSE|SUSE)-[SR]U-\d{4}:\d{1,6}-\d{1,3}",
    r"TEMP-\d{1,8}-[0-9A-F]{6}",
    r"GMS-\d{4}-\d{1,6}",
)
_ANY: Final = "|".join(_FORMS)
_START: Final = re.compile(rf"(?:{_ANY})(?![0-9A-Za-z])", re.IGNORECASE)
_WITHIN: Final = re.compile(rf"(?<![0-9A-Za-z])(?:{_ANY})(?![0-9A-Za-z])", re.IGNORECASE)
_CVE: Final = "CVE-"


def canonical_id(text: str) -> str:
    """The id in the case that its source writes; a text that is no known id stays as it is."""
    text = text.strip()
    return folded(text) if _START.fullmatch(text) else text


def folded(text: str) -> str:
    """An id in the one case that it is kept and looked for in: GitHub's are in lower case."""
    scheme, dash, rest = text.strip().partition("-")
    scheme = scheme.upper()
    return scheme + dash + (rest.lower() if scheme in ("GHSA", "CGA") else rest.upper())


def split_id(text: str) -> tuple[str, str]:
    """The id that a scanner's rule begins with, and what follows it: `CVE-2024-1234-zlib`."""
    text = text.strip()
    found = _START.match(text)
    if found is None:
        return text, ""
    return canonical_id(found[0]), text[found.end() :].lstrip("-_ :/")


def is_known(text: str) -> bool:
    """Say whether it is an id of a vulnerability, and not a scanner's rule."""
    return _START.fullmatch(text) is not None


def is_cve(text: str) -> bool:
    """Say whether it is a CVE id."""
    return text.startswith(_CVE)


def ids_in(text: str) -> list[str]:
    """Every known id that a text mentions, each once."""
    return list(dict.fromkeys(canonical_id(found[0]) for found in _WITHIN.finditer(text)))
