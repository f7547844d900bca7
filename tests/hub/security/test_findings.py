"""What attachments say of an artifact is gathered, and nothing else."""

import pytest

from entrepot.extract.findings import Findings, Package
from entrepot.metadata.contents import artifacts
from entrepot.model.artifacts import StoredDocument
from entrepot.oci.digests import Digest
from tests.hub.contents.test_attachments import Signer, legacy, signer
from tests.hub.shelves import SPDX, HereAndNow, Shelf, push_chart, spdx
from tests.wire.content import encode

__all__ = ["signer"]


async def gather(shelf: Shelf, digest: Digest, query: str = "") -> Findings:
    """All that is said of it."""
    return await shelf.findings.gather(shelf.repository.id, str(digest), Findings(), query)


def names(findings: Findings) -> list[str]:
    """The packages."""
    return [each.name for each in findings.packages]


async def test_packages_of_all_sboms_are_listed_once(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await shelf.push_referrer(chart, encode(spdx("bash", "zlib")), SPDX)
    await shelf.push_referrer(chart, encode(spdx("bash", "curl")), SPDX)
    await shelf.settle()
    assert sorted(names(await gather(shelf, chart))) == ["bash", "curl", "zlib"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [("BASH", ["bash"]), ("mit bash", ["bash"]), ("mit", ["bash", "zlib"]), ("bash zlib", [])],
)
async def test_packages_are_narrowed_by_words(
    shelf: Shelf, query: str, expected: list[str]
) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await shelf.push_referrer(chart, encode(spdx("bash", "zlib")), SPDX)
    await shelf.settle()
    assert names(await gather(shelf, chart, query)) == expected


async def test_an_index_has_what_is_said_of_its_platforms(shelf: Shelf) -> None:
    built, (amd64, arm64) = await shelf.push_built("v1", attested=1)
    await shelf.push_referrer(arm64, encode(spdx("only-on-arm")), SPDX)
    await shelf.settle()
    assert sorted(names(await gather(shelf, built))) == ["bash", "only-on-arm"]
    assert names(await gather(shelf, amd64)) == ["bash"]
    said = (await gather(shelf, built)).statements
    assert [each.subjects for each in said] == [[str(amd64)]]


async def test_a_signature_is_verified_for_what_it_names_only(shelf: Shelf, signer: Signer) -> None:
    await signer.be_trusted(shelf)
    good, bad = await push_chart(shelf, "1.0.0"), await push_chart(shelf, "6.6.6")
    await signer.sign(shelf, good)
    await signer.sign(shelf, good, tag=legacy(bad, "sig"))
    await shelf.settle()
    (found,) = (await gather(shelf, good)).signatures
    assert (found.check, found.subject) == ("verified", str(good))
    (found,) = (await gather(shelf, bad)).signatures
    assert (found.check, found.subject) == ("invalid", str(good))
    assert "not what it is attached to" in found.reason


async def test_nothing_is_said_of_what_is_not_there(shelf: Shelf) -> None:
    assert await gather(shelf, Digest.of(b"absent")) == Findings()


async def test_a_document_that_cannot_be_read_says_nothing(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    sbom = await shelf.push_referrer(chart, encode(spdx("bash")), SPDX)
    await shelf.settle()
    of = (await shelf.get(sbom)).manifest_id
    broken = StoredDocument("findings", "application/json", '{"packages": 1}', is_cut=False)
    async with shelf.metadata.begin() as tx:
        await artifacts.write_documents(tx, of, artifacts.pack([broken]))
    assert await gather(shelf, chart) == Findings()


async def test_a_long_list_is_gathered_whole_and_what_was_too_much_is_summed(
    shelf: Shelf, reader: HereAndNow
) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await shelf.push_referrer(chart, encode(spdx("bash")), SPDX)
    packages = [Package(f"p{each}") for each in range(3000)]
    reader.instead = Findings(packages=packages, left_out={"packages": 7})
    await shelf.settle()
    found = await gather(shelf, chart)
    assert len(found.packages) == 3000
    assert found.left_out == {"packages": 7}
