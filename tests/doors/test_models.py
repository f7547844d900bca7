"""Hugging Face's client reads models here, of each kind and with the caller's rights."""

import asyncio
import base64
import io
import json
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import HfApi, HfFileSystem, snapshot_download
from huggingface_hub.errors import (
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from entrepot.hf.archives import Budget, list_members
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from tests.doors.conftest import Town
from tests.doors.test_matrix import IDENTITIES, actions_of
from tests.doors.transports import ORIGIN, BlockingTransport
from tests.metadata.rows import add_repository
from tests.wire.content import EMPTY, EMPTY_TYPE, descriptor, image

Layer = tuple[bytes, str, dict[str, str]]
ENDPOINT = f"{ORIGIN}/hf"
TITLE, FILEPATH = "org.opencontainers.image.title", "org.cncf.model.filepath"
WEIGHTS = bytes(range(256)) * 40


def archive_of(files: Mapping[str, bytes], format_: int = tarfile.PAX_FORMAT) -> bytes:
    """An archive that is not compressed."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=format_) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return packed.getvalue()


LONG = "long" + "x" * 150 + ".bin"
KINDS: dict[str, tuple[dict[str, object], list[Layer], set[str]]] = {
    "plain": (
        {"artifactType": "application/vnd.example.model"},
        [
            (WEIGHTS, "application/octet-stream", {TITLE: "weights/model.safetensors"}),
            (b"# Card", "text/markdown", {TITLE: "./README.md"}),
            (b"up", "text/plain", {TITLE: "../evil"}),
        ],
        {"weights/model.safetensors", "README.md"},
    ),
    "modelpack": (
        {"artifactType": "application/vnd.cncf.model.manifest.v1+json"},
        [
            (WEIGHTS, "application/vnd.cncf.model.weight.v1.raw", {FILEPATH: "model.safetensors"}),
            (
                archive_of({"code/run.py": b"print()", LONG: b"long"}, tarfile.GNU_FORMAT),
                "application/vnd.cncf.model.code.v1.tar",
                {FILEPATH: "code"},
            ),
        ],
        {"model.safetensors", "code/run.py", LONG},
    ),
    "kitops": (
        {"artifactType": "application/vnd.kitops.modelkit.manifest.v1+json"},
        [
            (
                archive_of({"model/w.gguf": WEIGHTS, "empty": b"", LONG: b"x"}),
                "application/vnd.kitops.modelkit.model.v1.tar",
                {},
            ),
        ],
        {"model/w.gguf", "empty", LONG},
    ),
    "docker": (
        {},
        [
            (WEIGHTS, "application/vnd.docker.ai.gguf.v3", {}),
            (b"MIT", "application/vnd.docker.ai.license", {}),
        ],
        {"model.gguf", "LICENSE"},
    ),
}


@dataclass(frozen=True, slots=True)
class Library:
    """Models of acme's, and Hugging Face's client in another thread."""

    town: Town
    transport: BlockingTransport
    cache: Path

    async def push(self, kind: str, visibility: Visibility = Visibility.PRIVATE) -> str:
        """Push a model of that kind as the tag `v1`; return the repository's name."""
        fields, layers, _ = KINDS[kind]
        name = f"acme/{kind}-{visibility}"
        await add_repository(self.town.metadata, name, visibility, self.town.acme)
        return await self.put(name, fields, layers)

    async def put(self, name: str, fields: dict[str, object], layers: list[Layer]) -> str:
        """Push layers and a manifest of them."""
        owner = str(self.town.auth["owner"])
        for content in {EMPTY, *(layer[0] for layer in layers)}:
            await self.town.doors.push(name, content, str(Digest.of(content)), owner)
        listed = [descriptor(each, kind, annotations=notes) for each, kind, notes in layers]
        manifest = image(config=descriptor(EMPTY, EMPTY_TYPE), layers=listed, **fields)
        target = f"/v2/{name}/manifests/v1"
        answer = await self.town.doors.ask("PUT", target, manifest, auth=owner)
        assert answer.status == 201, answer.body
        return name

    def token(self, who: str) -> str | bool:
        """The token of somebody, `False` for nobody's."""
        auth = self.town.auth[who]
        return False if auth is None else _secret(auth)

    async def run(self, work: Callable[[], Any]) -> Any:
        """Have the client work in a thread of its own."""
        return await asyncio.to_thread(work)

    async def download(self, name: str, who: str = "member", **more: Any) -> Path:
        """Download a snapshot; return its directory."""
        token = self.token(who)

        def work() -> object:
            return snapshot_download(
                name, cache_dir=self.cache, endpoint=ENDPOINT, token=token, max_workers=1, **more
            )

        return Path(await self.run(work))


def _secret(auth: str) -> str:
    return base64.b64decode(auth.partition(" ")[2]).decode().partition(":")[2]


@pytest.fixture
async def library(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty library."""
    transport = BlockingTransport(town.doors, asyncio.get_running_loop())
    huggingface_hub.set_client_factory(lambda: httpx2.Client(transport=transport))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    yield Library(town, transport, tmp_path / "cache")
    huggingface_hub.close_session()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_snapshot_of_each_kind_is_what_was_pushed(library: Library, kind: str) -> None:
    name = await library.push(kind)
    place = await library.download(name)
    found = {
        str(file.relative_to(place)): file.read_bytes()
        for file in place.rglob("*")
        if file.is_file()
    }
    assert set(found) == KINDS[kind][2]
    assert WEIGHTS in found.values()
    manifest = await library.town.doors.ask(
        "HEAD", f"/v2/{name}/manifests/v1", auth=library.town.auth["owner"]
    )
    digest = str(manifest.header("docker-content-digest"))
    assert place.name == digest.partition(":")[2][:40]
    for revision in ("v1", place.name, digest):
        assert await library.download(name, revision=revision) == place
    only = await library.download(name, allow_patterns=["*.gguf", "*.safetensors"])
    assert only == place


@pytest.mark.parametrize("kind", ["plain", "kitops"])
async def test_a_download_that_was_cut_goes_on_where_it_ended(
    library: Library, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await library.push(kind)
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    library.transport.cut_after = 5000
    place = await library.download(name, allow_patterns=["*.safetensors", "*.gguf"])
    (file,) = (each for each in place.rglob("*") if each.is_file())
    assert file.read_bytes() == WEIGHTS
    ranges = [each for method, path, each in library.transport.asked if "/resolve/" in path]
    assert "bytes=5000-" in ranges


async def test_parts_of_a_member_of_an_archive_are_had_by_ranges(library: Library) -> None:
    name = await library.push("kitops")
    path = f"/hf/{name}/resolve/v1/model/w.gguf"
    auth = library.town.auth["member"]
    ask = library.town.doors.ask
    for given, status, body in (
        ("bytes=100-", 206, WEIGHTS[100:]),
        ("bytes=0-0", 206, WEIGHTS[:1]),
        ("bytes=-7", 206, WEIGHTS[-7:]),
        ("bytes=0-1,5-6", 200, WEIGHTS),
        (f"bytes={len(WEIGHTS)}-", 416, None),
    ):
        answer = await ask("GET", path, auth=auth, range=given)
        assert answer.status == status
        assert body is None or answer.body == body
    head = await ask("HEAD", path, auth=auth)
    etag = str(head.header("etag"))
    assert int(str(head.header("x-linked-size"))) == len(WEIGHTS)
    assert head.header("x-linked-etag") == etag
    assert (await ask("GET", path, auth=auth, if_none_match=etag)).status == 304
    same = await ask("GET", path, auth=auth, range="bytes=5-", if_range=etag)
    other = await ask("GET", path, auth=auth, range="bytes=5-", if_range='"x"')
    assert (same.status, other.status) == (206, 200)


@pytest.mark.parametrize("identity", IDENTITIES)
async def test_everybody_reads_what_they_may_pull(library: Library, identity: str) -> None:
    ask, auth = library.town.doors.ask, library.town.auth[identity]
    for visibility in (Visibility.PRIVATE, Visibility.PUBLIC):
        name = await library.push("docker", visibility)
        may = "pull" in actions_of(identity, visibility)
        refusal = 401 if identity == "nobody" or identity.startswith("disabled") else 404
        if identity.startswith("disabled"):
            may = False
        for path in (
            f"/hf/api/models/{name}",
            f"/hf/api/models/{name}/revision/v1",
            f"/hf/api/models/{name}/refs",
            f"/hf/api/models/{name}/tree/v1",
            f"/hf/api/datasets/{name}/tree/main",
            f"/hf/{name}/resolve/v1/model.gguf",
            f"/hf/datasets/{name}/resolve/main/model.gguf",
        ):
            for method in ("GET", "HEAD"):
                answer = await ask(method, path, auth=auth)
                assert answer.status == (200 if may else refusal), (method, path)
                hidden = "RepoNotFound" if not identity.startswith("disabled") else None
                assert answer.header("x-error-code") == (None if may else hidden)
            absent = await ask("GET", path.replace(name, "acme/absent"), auth=auth)
            assert absent.status == refusal
            assert (await ask("PUT", path, auth=auth)).status == 405


async def test_the_client_tells_apart_what_is_missing(library: Library) -> None:
    name = await library.push("plain")
    with pytest.raises(RepositoryNotFoundError):
        await library.download(name, "nobody")
    with pytest.raises(RepositoryNotFoundError):
        await library.download("acme/absent")
    with pytest.raises(RevisionNotFoundError):
        await library.download(name, revision="v2")
    api = HfApi(endpoint=ENDPOINT, token=library.token("member"))
    with pytest.raises(RemoteEntryNotFoundError):
        await library.run(lambda: api.hf_hub_download(name, "absent.bin", cache_dir=library.cache))


async def test_the_api_lists_models_files_and_revisions(library: Library) -> None:
    name = await library.push("modelpack")
    api = HfApi(endpoint=ENDPOINT, token=library.token("member"))
    assert (await library.run(api.whoami))["name"] == "member"
    info = await library.run(lambda: api.model_info(name, files_metadata=True))
    sizes = {each.rfilename: each.size for each in info.siblings}
    assert sizes["model.safetensors"] == len(WEIGHTS)
    entries = await library.run(lambda: list(api.list_repo_tree(name, recursive=True)))
    whole = {each.path: each for each in entries}
    assert whole["model.safetensors"].lfs.sha256 == Digest.of(WEIGHTS).hex
    assert "code" in whole
    inside = await library.run(lambda: list(api.list_repo_tree(name, "code")))
    assert [each.path for each in inside] == ["code/run.py"]
    paths = await library.run(lambda: api.get_paths_info(name, ["code/run.py", "none"]))
    assert [each.path for each in paths] == ["code/run.py"]
    refs = await library.run(lambda: api.list_repo_refs(name))
    assert [each.name for each in refs.tags] == ["v1"]
    assert [each.name for each in refs.branches] == ["main"]


async def test_a_model_can_be_read_as_a_file_system(library: Library) -> None:
    name = await library.push("kitops")
    files = HfFileSystem(endpoint=ENDPOINT, token=library.token("member"), skip_instance_cache=True)
    found = await library.run(lambda: sorted(files.find(name)))
    assert found == [f"{name}/{path}" for path in sorted(KINDS["kitops"][2])]

    def read() -> bytes:
        with files.open(f"{name}/model/w.gguf", "rb", block_size=256) as file:
            file.seek(1000)
            return bytes(file.read(20))

    assert await library.run(read) == WEIGHTS[1000:1020]


async def test_the_work_for_one_artifact_is_bounded(library: Library) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for number in range(300):
            member = tarfile.TarInfo(f"directory-{number}")
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
        archive.addfile(tarfile.TarInfo("file"))
    content = packed.getvalue()
    read = partial(_part, content)
    budget = Budget(301)
    assert [each.path for each in await list_members(read, len(content), budget)] == ["file"]
    assert budget.left == 0
    assert await list_members(read, len(content), budget) == []
    for broken in (b"", b"x" * 512, b"\0" * 10_240, content[:700]):
        found = await list_members(partial(_part, broken), len(broken), Budget())
        assert found == []


async def _part(content: bytes, start: int, length: int) -> bytes:
    return content[start : start + length]


async def test_many_files_are_listed_at_once(library: Library) -> None:
    files = {f"part-{number:05}": b"x" for number in range(10_000)}
    layer: Layer = (archive_of(files), "application/vnd.kitops.modelkit.model.v1.tar", {})
    await add_repository(library.town.metadata, "acme/many", Visibility.PUBLIC, library.town.acme)
    name = await library.put("acme/many", {}, [layer])
    began = time.perf_counter()
    answer = await library.town.doors.ask("GET", f"/hf/api/models/{name}/tree/v1?recursive=true")
    assert len(json.loads(answer.body)) == 10_000
    assert time.perf_counter() - began < 5  # some tenths of a second where nobody else works
