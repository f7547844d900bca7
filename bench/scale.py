"""What a large repository and a large instance cost beside small ones, on Entrepot alone."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.content import digest_of, push_blob, push_referrers, push_repositories, push_tags
from bench.http import Connection
from bench.measures import measure_requests
from bench.peers import NAMESPACE, Entrepot, Peer

MOST = 1.5
"""How many times the small one's cost the large one's may be."""
MANY_TAGS, FEW_TAGS = 100_000, 100
MANY_REPOSITORIES, FEW_REPOSITORIES = 10_000, 10
REFERRERS = 1_000
SUBJECT = digest_of(b"the subject")


@dataclass(frozen=True, slots=True)
class ScaleResult:
    """The time of one request in microseconds of the server's work, in a small one and a large."""

    name: str
    small: float
    large: float

    @property
    def ratio(self) -> float:
        """How many times the small one's cost the large one's is."""
        return self.large / self.small


def measure_scale(
    directory: Path, rounds: int, seconds: float, *, quick: bool
) -> list[ScaleResult]:
    """The same pages of a small and of a large hub, in turn.

    A page of tags and of the catalog holds as many entries in both, from their middle; the
    referrers are a thousand in both, once in a hub of few manifests and once in one of many.
    """
    small, large = Entrepot(directory / "small"), Entrepot(directory / "large")
    small.start()
    large.start()
    shrink = 10 if quick else 1
    _fill(small, FEW_TAGS, FEW_REPOSITORIES)
    _fill(large, MANY_TAGS // shrink, MANY_REPOSITORIES // shrink)
    tags, referring = f"{NAMESPACE}/tags", f"{NAMESPACE}/referring"
    pages = {
        "tag page": (tags, f"/v2/{tags}/tags/list?n=10&last=v000050"),
        "catalog page": (tags, f"/v2/_catalog?n=5&last={NAMESPACE}/a00003"),
        "1,000 referrers": (referring, f"/v2/{referring}/referrers/{SUBJECT}"),
    }
    results = []
    for name, (repository, path) in pages.items():
        costs: dict[str, list[float]] = {"small": [], "large": []}
        for _ in range(rounds):
            for which, peer in (("small", small), ("large", large)):
                costs[which].append(_cost(peer, path, seconds, directory, repository))
        results.append(ScaleResult(name, median(costs["small"]), median(costs["large"])))
    small.tree.end()
    large.tree.end()
    return results


def _fill(peer: Entrepot, tags: int, repositories: int) -> None:
    for name in ("tags", "referring"):
        repository = f"{NAMESPACE}/{name}"
        connection = Connection(peer.port, peer.authorization(repository))
        push_blob(connection, repository, b"{}")
        connection.close()
    push_tags(peer, f"{NAMESPACE}/tags", range(tags))
    push_repositories(peer, [f"{NAMESPACE}/a{number:05}" for number in range(repositories)])
    push_referrers(peer, f"{NAMESPACE}/referring", SUBJECT, REFERRERS)


def _cost(peer: Peer, path: str, seconds: float, scratch: Path, repository: str) -> float:
    return 1e6 / measure_requests(peer, "GET", path, seconds, scratch, repository).rate
