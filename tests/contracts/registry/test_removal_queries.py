"""What went with deleted manifests, as every engine knows it."""

import json
from datetime import timedelta

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import deletion_impact, history
from entrepot.oci.digests import Digest
from tests.metadata.clocks import START
from tests.metadata.rows import add_repository


async def test_what_went_with_a_deleted_manifest_is_known(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "a/b")
    subject = Digest.of(b"subject")
    minute = timedelta(minutes=1)
    said = {"subject": {"digest": str(subject)}, "annotations": {"a": "ü\0"}}
    contents = {
        "before": json.dumps(said).encode(),
        "with": json.dumps(said, indent=1).encode(),
        "another's": json.dumps({"subject": {"digest": "sha256:0"}}).encode(),
        "none": b"{}",
        "a mention": json.dumps([str(subject)]).encode(),
    }
    other = await add_repository(metadata, "a/other")
    async with metadata.begin() as tx:
        for name, content in contents.items():
            moment = START - minute if name == "before" else START
            await history.keep_deleted(
                tx, repository.id, str(Digest.of(content)), "a/b", content, None, moment
            )
        theirs = contents["with"]
        await history.keep_deleted(tx, other.id, str(Digest.of(theirs)), "a/b", theirs, None, START)
    reader, wanted = metadata.reader, Digest.of(contents["with"])
    found = await deletion_impact.list_deleted_referrers(reader, repository.id, subject, START)
    assert found == {wanted}
    found = await deletion_impact.list_deleted_referrers(
        reader, repository.id, subject, START - minute
    )
    assert found == {wanted, Digest.of(contents["before"])}
    assert await deletion_impact.find_deleted_at(reader, repository.id, wanted) == START
    assert await deletion_impact.find_deleted_at(reader, repository.id, subject) is None
