"""The cases, each with the bar that it must reach."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from bench.content import REPOSITORY, Files, digest_of_file
from bench.measures import (
    Measure,
    measure_download,
    measure_heads,
    measure_pushes,
    measure_requests,
    measure_upload,
)
from bench.peers import Peer

FLAT = 64 * 1024 * 1024
"""Bytes by which a large transfer may make a registry grow."""

Take: TypeAlias = Callable[[Peer], Measure]


@dataclass(frozen=True, slots=True)
class Case:
    """Something measured on both; `least` is the ratio of medians that Entrepot must reach."""

    name: str
    unit: str
    least: float
    take: Take
    has_tail: bool = True
    is_large: bool = False


def make_cases(files: Files, manifest: str, scratch: Path, seconds: float) -> Sequence[Case]:
    """Every case, over content that both have."""
    base = f"/v2/{REPOSITORY}"
    huge = digest_of_file(files.huge)

    def requests(method: str, path: str) -> Take:
        return lambda peer: measure_requests(peer, method, f"{base}/{path}", seconds, scratch)

    def upload(streamed: bool) -> Take:
        return lambda peer: measure_upload(peer, files.huge, huge, streamed=streamed)

    return (
        Case("manifest GET by tag", "req/s", 2.0, requests("GET", "manifests/latest")),
        Case("manifest GET by digest", "req/s", 2.0, requests("GET", f"manifests/{manifest}")),
        Case(
            "manifest HEAD by tag",
            "req/s",
            2.0,
            lambda peer: measure_heads(peer, f"{base}/manifests/latest", seconds),
        ),
        Case("blob GET, 1 KB", "req/s", 6.0, requests("GET", f"blobs/{files.small_digest}")),
        Case("tags list of 1,000", "req/s", 2.0, requests("GET", "tags/list")),
        Case(
            "blob GET, 256 MiB",
            "MiB/s",
            1.0,
            lambda peer: measure_download(peer, files.large, times=4),
            has_tail=False,
            is_large=True,
        ),
        Case("upload of 1 GiB, PUT", "MiB/s", 1.3, upload(False), has_tail=False, is_large=True),
        Case("upload of 1 GiB, PATCH", "MiB/s", 1.3, upload(True), has_tail=False, is_large=True),
        Case(
            "images pushed by 8 clients",
            "img/s",
            1.2,
            lambda peer: measure_pushes(peer, seconds * 2),
        ),
    )
