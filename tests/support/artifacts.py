"""Artifacts in a hub's repositories, pushed by its own rules without a door."""

from dataclasses import dataclass, replace

from entrepot.app import App
from entrepot.hub.events.audit import audit_and_notify
from entrepot.hub.people.actors import OPERATOR
from entrepot.metadata.repositories import PushTarget, find_repository
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag
from tests.registry.bodies import body
from tests.wire.content import CONFIG, EMPTY_TYPE, IMAGE, descriptor, image, index


@dataclass(frozen=True, slots=True)
class Shelf:
    """One repository of a hub, which the operator pushes to."""

    app: App
    name: str

    @property
    def path(self) -> RepositoryName:
        """Its name."""
        return RepositoryName(self.name)

    async def target(self) -> PushTarget:
        """Where a push to it goes."""
        rights = await self.app.permissions.rights(OPERATOR.identity, self.path)
        assert rights.target is not None
        return replace(rights.target, listener=audit_and_notify(OPERATOR, self.app.now))

    async def find(self) -> Repository:
        """The repository, which is there."""
        found = await find_repository(self.app.metadata.reader, self.path)
        assert found is not None
        return found

    async def image(self, layer: bytes, *tags: str, **fields: object) -> Digest:
        """Push an image of one layer."""
        for content in (b"config", layer):
            await self.app.uploads.put(await self.target(), body(content), Digest.of(content))
        config = descriptor(b"config", CONFIG)
        return await self.put(image(layer, config=config, **fields), *tags)

    async def attach(self, subject: Digest, note: str, *tags: str) -> Digest:
        """Push something that is attached to a manifest."""
        named = {"mediaType": IMAGE, "size": 2, "digest": str(subject)}
        fields = {"subject": named, "annotations": {"note": note}, "artifactType": "a/sbom"}
        return await self.put(image(config=descriptor(b"{}", EMPTY_TYPE), **fields), *tags)

    async def sign(self, subject: Digest, *signatures: bytes) -> Digest:
        """Sign a manifest as cosign 2 does: an image under a tag made of the digest."""
        for content in (b"config", *signatures):
            await self.app.uploads.put(await self.target(), body(content), Digest.of(content))
        content = image(*signatures, config=descriptor(b"config", CONFIG))
        return await self.put(content, f"sha256-{subject.hex}.sig")

    async def index(self, *children: Digest, tag: str) -> Digest:
        """Push an index of manifests that are there."""
        repository, entries = await self.find(), []
        for each in children:
            found = await self.app.manifests.get(repository, each)
            entries.append(descriptor(found.content, found.media_type))
        return await self.put(index(*entries), tag)

    async def put(self, content: bytes, *tags: str) -> Digest:
        """Push a manifest."""
        names = [Tag(each) for each in tags]
        pushed = await self.app.manifests.put(
            await self.target(), content, None, digest=None, tags=names, by=None
        )
        return pushed.digest

    async def tags(self) -> dict[str, str]:
        """Where its tags point."""
        found = await self.find()
        names = await self.app.manifests.list_tags(found, "", 10_000)
        facts = [await self.app.manifests.get_facts(found, Tag(each)) for each in names]
        return {name: each.digest for name, each in zip(names, facts, strict=True)}

    async def referrers(self, subject: Digest) -> int:
        """How much is attached to a manifest."""
        page = await self.app.referrers.list_page(await self.find(), subject, frozenset(), 0)
        return len(page.descriptors)
