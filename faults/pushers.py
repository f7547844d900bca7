"""A client that pushes, moves and deletes at random."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from faults.clients import Connection, InDoubt, NotSent
from faults.contents import Contents, Manifest, digest_of
from faults.history import History, Key
from faults.steps import Refused, Steps, Upload, Weather

SHARED = "faults/shared"
TAGS = tuple(f"v{n}" for n in range(8))
PAUSE = 0.05
TRIES = 20

Work = Callable[[Steps], Awaitable[object]]


class Pusher:
    """One client with two repositories of its own and a part in the shared one."""

    def __init__(self, number: int, seed: int, history: History, common: Sequence[bytes]) -> None:
        self._rng = random.Random(f"{seed}/{number}")
        self._contents = Contents(self._rng, common)
        self._history = history
        self._manifests: dict[str, Manifest] = {}
        self._sizes: dict[str, int] = {}
        self._named: set[Key] = set()
        self.repositories = (f"faults/client-{number}-a", f"faults/client-{number}-b")
        self.open_uploads: list[Upload] = []
        self.complaints: list[str] = []

    async def run(self, port: int | Sequence[int], weather: Weather) -> None:
        """Work until the moment is over or a fault takes the server away for good."""
        async with Connection(port) as connection:
            steps = Steps(connection, self._history, weather)
            while not weather.over:
                await self._work_once(steps, weather)

    async def push_once(self, port: int | Sequence[int]) -> None:
        """Push an image into each own repository; anything but success is a complaint."""
        async with Connection(port) as connection:
            steps = Steps(connection, self._history, Weather())
            try:
                for repository in self.repositories:
                    await self._push_image(steps, repository)
            except (InDoubt, NotSent, Refused) as error:
                self.complaints.append(f"a push after the fault failed: {error}")

    def manifest(self, digest: str) -> Manifest | None:
        """A manifest that this client made up."""
        return self._manifests.get(digest)

    async def _work_once(self, steps: Steps, weather: Weather) -> None:
        try:
            await self._choose()(steps)
        except (InDoubt, NotSent) as error:
            if not weather.struck:
                self.complaints.append(f"failed although nothing was killed: {error}")
            await asyncio.sleep(PAUSE)
        except Refused as refused:
            if not (weather.dark and refused.status >= 500):
                self.complaints.append(str(refused))

    def _choose(self) -> Work:
        work: dict[Work, int] = {
            self._push_image: 10,
            self._push_blob: 6,
            self._leave_upload: 1,
            self._mount: 4,
            self._retag: 4,
            self._push_shared: 4,
            self._delete_tag: 2,
            self._delete_manifest: 2,
            self._delete_blob: 2,
        }
        return self._rng.choices(list(work), list(work.values()))[0]

    async def _push_image(self, steps: Steps, repository: str = "") -> None:
        repository = repository or self._any_repository()
        digests = [await self._push_blob(steps, repository) for _ in range(self._rng.randint(1, 4))]
        blobs = [(digest, self._sizes[digest]) for digest in digests]
        manifest = self._contents.manifest(blobs, self._any_subject())
        self._manifests[manifest.digest] = manifest
        self._named.update(Key("blob", repository, digest) for digest in digests)
        await steps.put_manifest(repository, self._tag_or_none(), manifest)

    async def _push_blob(self, steps: Steps, repository: str = "") -> str:
        data = self._contents.blob()
        key = Key("blob", repository or self._any_repository(), digest_of(data))
        self._sizes[key.name] = len(data)
        way = self._rng.randrange(3)
        if way == 0:
            await steps.post_whole(key, data)
        elif way == 1:
            await steps.put_whole(key, data)
        else:
            await steps.in_chunks(key, data, [self._rng.randint(1, 5000) for _ in range(3)])
        return key.name

    async def _leave_upload(self, steps: Steps) -> None:
        """Begin an upload and leave it, for somebody to go on with after the fault."""
        data = self._rng.randbytes(self._rng.randint(2, 20_000))
        upload = await steps.start(Key("blob", self._any_repository(), digest_of(data)), data)
        self.open_uploads.append(upload)
        await steps.append(upload, self._rng.randint(1, len(data) - 1))

    async def _mount(self, steps: Steps) -> None:
        source, target = self._rng.sample(self.repositories, 2)
        if (key := self._any_present("blob", source)) is not None:
            await steps.mount(Key("blob", target, key.name), source)

    async def _retag(self, steps: Steps) -> None:
        repository = self._any_repository()
        if (key := self._any_present("manifest", repository)) is not None:
            tag = self._rng.choice(TAGS)
            await steps.put_manifest(repository, tag, self._manifests[key.name])

    async def _push_shared(self, steps: Steps) -> None:
        """Move a tag that the other clients move as well."""
        data = b"{}"
        await steps.post_whole(Key("blob", SHARED, digest_of(data)), data)
        manifest = self._contents.manifest([(digest_of(data), len(data))], None)
        self._manifests[manifest.digest] = manifest
        await steps.put_manifest(SHARED, self._rng.choice(TAGS[:3]), manifest)

    async def _delete_tag(self, steps: Steps) -> None:
        if (key := self._any_present("tag", self._any_repository())) is not None:
            await steps.delete(key)

    async def _delete_manifest(self, steps: Steps) -> None:
        """Delete a manifest and with it its tags, when it is known which those are."""
        repository = self._any_repository()
        key = self._any_present("manifest", repository)
        if key is None:
            return
        holding = {tag: self._history.may_hold(tag) for tag in self._keys("tag", repository)}
        tags = [tag for tag, values in holding.items() if key.name in values]
        if all(holding[tag] == {key.name} for tag in tags):
            await steps.delete(key, tags)

    async def _delete_blob(self, steps: Steps) -> None:
        """Delete a blob that no manifest of its repository has ever named."""
        key = self._any_present("blob", self._any_repository())
        if key is not None and key not in self._named:
            await steps.delete(key)

    def _any_repository(self) -> str:
        return self._rng.choice(self.repositories)

    def _tag_or_none(self) -> str | None:
        return self._rng.choice((*TAGS, None, None))

    def _any_subject(self) -> Manifest | None:
        if not self._manifests or self._rng.random() > 0.2:
            return None
        return self._rng.choice(list(self._manifests.values())[-50:])

    def _keys(self, kind: str, repository: str) -> Sequence[Key]:
        return self._history.keys_in(kind, repository)

    def _any_present(self, kind: str, repository: str) -> Key | None:
        keys = self._keys(kind, repository)
        some = self._rng.sample(keys, min(len(keys), TRIES))
        return next((key for key in some if self._history.surely(key)), None)
