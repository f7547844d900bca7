"""Charts as `helm push` pushes them, listed as an indexing job lists them."""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from entrepot.metadata.registry.manifests import find_facts
from entrepot.metadata.repositories import find_repository
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from tests.doors.conftest import Town
from tests.doors.doors import Answer
from tests.hub.shelves import CHART_CONFIG, CHART_LAYER, HereAndNow
from tests.metadata.rows import add_repository
from tests.wire.content import descriptor, image

PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"


def chart_archive(name: str, version: str, **more: object) -> bytes:
    """A packaged chart of nothing but Chart.yaml."""
    said = {"apiVersion": "v2", "name": name, "version": version, **more}
    text = json.dumps(said).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(f"{name}/Chart.yaml")
        member.size, member.mtime = len(text), 1_700_000_000
        archive.addfile(member, io.BytesIO(text))
    return gzip.compress(packed.getvalue(), mtime=0)


@dataclass(frozen=True, slots=True)
class ChartShop:
    """A town whose charts are listed as soon as they are pushed."""

    town: Town

    async def open(self, name: str, visibility: Visibility) -> None:
        """Make a repository of acme's."""
        await add_repository(self.town.metadata, name, visibility, self.town.acme)

    async def push(
        self,
        repository: str,
        version: str,
        *,
        name: str = "",
        tag: str = "",
        provenance: bytes = b"",
        config: Mapping[str, object] | None = None,
        **more: object,
    ) -> bytes:
        """Push a version of a chart, named like the repository; return the archive."""
        name = name or repository.rpartition("/")[2]
        archive = chart_archive(name, version, **more)
        said = {"apiVersion": "v2", "name": name, "version": version, **more}
        text = json.dumps(said if config is None else config).encode()
        layers = [descriptor(archive, CHART_LAYER)]
        if provenance:
            layers.append(descriptor(provenance, PROVENANCE))
        owner = str(self.town.auth["owner"])
        for blob in filter(None, (archive, text, provenance)):
            await self.town.doors.push(repository, blob, str(Digest.of(blob)), owner)
        manifest = json.loads(image(config=descriptor(text, CHART_CONFIG)))
        content = json.dumps({**manifest, "layers": layers}).encode()
        await self.put(repository, tag or version.replace("+", "_"), content)
        return archive

    async def put(self, repository: str, tag: str, content: bytes) -> None:
        """Push a manifest, and have it read."""
        owner = self.town.auth["owner"]
        target = f"/v2/{repository}/manifests/{tag}"
        answer = await self.town.doors.ask("PUT", target, content, auth=owner)
        assert answer.status == 201, answer.body
        await self.read(repository, Digest.of(content))

    async def read(self, repository: str, digest: Digest) -> None:
        """Do what the job after a push does, in this process."""
        app = self.town.doors.app
        found = await find_repository(app.metadata.reader, RepositoryName(repository))
        assert found is not None
        facts = await find_facts(app.metadata.reader, found.id, digest)
        assert facts is not None
        app.indexing._reader = HereAndNow()
        await app.indexing.index(facts.id)

    async def ask(self, path: str, who: str = "owner", method: str = "GET") -> Answer:
        """Ask the door of Helm."""
        return await self.town.doors.ask(method, path, auth=self.town.auth[who])

    async def entries(self, path: str = "/helm/acme", who: str = "owner") -> dict[str, Any]:
        """The entries of an index, without its address's last part."""
        answer = await self.ask(f"{path}/index.yaml", who)
        assert answer.status == 200, answer.body
        found = json.loads(answer.body)
        assert found["apiVersion"] == "v1"
        entries = found["entries"]
        assert isinstance(entries, dict)
        return entries

    async def versions(self, path: str = "/helm/acme", who: str = "owner") -> dict[str, list[str]]:
        """The versions in an index, by chart."""
        entries = await self.entries(path, who)
        return {name: [each["version"] for each in found] for name, found in entries.items()}
