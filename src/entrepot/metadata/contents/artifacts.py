"""Facts about manifests: kinds, sizes, documents, attachments."""

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import BindParameter, bindparam, case, delete, func, or_, select, update

from entrepot.metadata.artifact_tables import artifacts, documents
from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines.engine import Reader, Row, SqlStatement, Transaction, Value, storable
from entrepot.metadata.engines.rows import (
    find_one,
    first_number,
    first_text,
    get_number,
    list_all,
    row_mapper,
)
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.tables import manifest_references, manifests, repositories, tags
from entrepot.model.artifacts import Artifact, AttachmentCounts, StoredDocument


@dataclass(frozen=True, slots=True)
class PackedDocument:
    """A document with its text compressed: done before the transaction, for which others wait."""

    name: str
    media_type: str
    content: bytes
    is_cut: bool


_COLUMNS: Final = (
    artifacts.c.manifest_id,
    artifacts.c.repository_id,
    artifacts.c.kind,
    artifacts.c.size,
    artifacts.c.title,
    artifacts.c.version,
    artifacts.c.description,
    artifacts.c.licenses,
    artifacts.c.created,
    artifacts.c.platforms,
    artifacts.c.state,
    artifacts.c.reason,
    artifacts.c.reader,
    artifacts.c.signatures,
    artifacts.c.verified,
    artifacts.c.sboms,
    artifacts.c.attestations,
    artifacts.c.vulnerabilities,
    artifacts.c.valid_signatures,
    artifacts.c.invalid_signatures,
)
ARTIFACT_COLUMNS: Final = _COLUMNS
_WRITTEN: Final = tuple(column.name for column in _COLUMNS[:13])
_FIND: Final = SqlStatement(
    select(*_COLUMNS).where(artifacts.c.manifest_id == bindparam("manifest_id"))
)
_WRITE: Final = SqlStatement(
    insert(artifacts)
    .values({name: bindparam(name) for name in _WRITTEN})
    .on_conflict_do_update(
        index_elements=["manifest_id"], set_={name: bindparam(name) for name in _WRITTEN[2:]}
    )
)
_SET_MARKS: Final = SqlStatement(
    update(artifacts)
    .where(artifacts.c.manifest_id == bindparam("of"))
    .values(
        signatures=bindparam("new_signatures"),
        verified=bindparam("new_verified"),
        sboms=bindparam("new_sboms"),
        attestations=bindparam("new_attestations"),
        vulnerabilities=bindparam("new_vulnerabilities"),
        valid_signatures=bindparam("new_valid"),
        invalid_signatures=bindparam("new_invalid"),
    )
)
_SET_STATE: Final = SqlStatement(
    update(artifacts)
    .where(artifacts.c.manifest_id == bindparam("of"))
    .values(state=bindparam("new_state"), reason=bindparam("new_reason"))
)
_DOCUMENT_CONTENT: Final[dict[str, BindParameter[Value]]] = {
    name: bindparam(name) for name in ("media_type", "is_cut", "content")
}
_WRITE_DOCUMENT: Final = SqlStatement(
    insert(documents)
    .values(manifest_id=bindparam("of"), name=bindparam("name"), **_DOCUMENT_CONTENT)
    .on_conflict_do_update(index_elements=["manifest_id", "name"], set_=_DOCUMENT_CONTENT)
)
_DOCUMENT: Final = SqlStatement(
    select(documents.c.name, documents.c.media_type, documents.c.content, documents.c.is_cut).where(
        documents.c.manifest_id == bindparam("manifest_id"), documents.c.name == bindparam("name")
    )
)
_DOCUMENTS_OF_MANY: Final = SqlStatement(
    select(documents.c.manifest_id, documents.c.content).where(
        is_among("documents.manifest_id", "ids"), documents.c.name == bindparam("name")
    )
)
_DOCUMENT_NAMES: Final = SqlStatement(
    select(documents.c.name)
    .where(documents.c.manifest_id == bindparam("manifest_id"))
    .order_by(documents.c.name)
)
_DOCUMENT_SIZES: Final = SqlStatement(
    select(documents.c.name, func.length(documents.c.content))
    .where(documents.c.manifest_id == bindparam("manifest_id"))
    .order_by(documents.c.name)
)
_DROP_DOCUMENT: Final = SqlStatement(
    delete(documents).where(
        documents.c.manifest_id == bindparam("of"), documents.c.name == bindparam("gone")
    )
)
_OF_SUBJECT: Final = SqlStatement(
    select(manifests.c.id, manifests.c.digest, *_COLUMNS)
    .join(artifacts, artifacts.c.manifest_id == manifests.c.id)
    .where(
        manifests.c.repository_id == bindparam("repository_id"),
        manifests.c.subject == bindparam("subject"),
    )
    .order_by(manifests.c.id)
    .limit(500)
)
_PARENTS: Final = SqlStatement(
    select(manifests.c.id, manifests.c.digest)
    .join(manifest_references, manifest_references.c.manifest_id == manifests.c.id)
    .where(
        manifest_references.c.repository_id == bindparam("repository_id"),
        manifest_references.c.digest == bindparam("digest"),
        manifest_references.c.role == "manifest",
    )
    .limit(100)
)
_TAGGED: Final = (
    tags.c.repository_id == bindparam("repository_id"),
    tags.c.is_hidden == 0,
)
# The tag `readme` is about the others: it says what the repository is only where it is alone.
_WEIGHT: Final = func.sum(case((tags.c.name == "readme", 0), else_=1))
_KINDS: Final = SqlStatement(
    select(artifacts.c.kind, func.count())
    .join(tags, tags.c.manifest_id == artifacts.c.manifest_id)
    .where(*_TAGGED)
    .group_by(artifacts.c.kind)
    .order_by(_WEIGHT.desc(), artifacts.c.kind)
)
_NEWEST: Final = SqlStatement(
    select(*_COLUMNS)
    .join(tags, tags.c.manifest_id == artifacts.c.manifest_id)
    .where(*_TAGGED)
    .group_by(artifacts.c.manifest_id)
    .order_by(func.max(tags.c.moved_at).desc(), artifacts.c.manifest_id.desc())
    .limit(bindparam("limit"))
)
_IS_TO_READ: Final = or_(artifacts.c.reader.is_(None), artifacts.c.reader < bindparam("reader"))
_READ: Final = manifests.outerjoin(artifacts, artifacts.c.manifest_id == manifests.c.id)
_TO_READ: Final = SqlStatement(
    select(manifests.c.id)
    .select_from(_READ)
    .where(manifests.c.id > bindparam("after"), _IS_TO_READ)
    .order_by(manifests.c.id)
    .limit(bindparam("limit"))
)
_WITH_DOCUMENT: Final = SqlStatement(
    select(artifacts.c.manifest_id)
    .join(documents, documents.c.manifest_id == artifacts.c.manifest_id)
    .join(repositories, repositories.c.id == artifacts.c.repository_id)
    .where(
        repositories.c.namespace_id == bindparam("namespace_id"),
        or_(bindparam("only") == 0, repositories.c.id == bindparam("only")),
        documents.c.name == bindparam("name"),
    )
    .order_by(artifacts.c.manifest_id)
)
_ALL_WITH_DOCUMENT: Final = SqlStatement(
    select(documents.c.manifest_id)
    .where(documents.c.manifest_id > bindparam("after"), documents.c.name == bindparam("name"))
    .order_by(documents.c.manifest_id)
    .limit(bindparam("limit"))
)
_COUNT_STATES: Final = SqlStatement(
    select(artifacts.c.state, func.count()).group_by(artifacts.c.state)
)
_COUNT_TO_READ: Final = SqlStatement(
    select(func.count(manifests.c.id)).select_from(_READ).where(_IS_TO_READ)
)


_counted: Final = row_mapper(tuple[str, int])
_parent: Final = row_mapper(tuple[int, str])
_document: Final = row_mapper(
    StoredDocument, text=lambda content: zlib.decompress(bytes(content)).decode()
)


async def find_artifact(reader: Reader, manifest_id: int) -> Artifact | None:
    """Return the artifact of that manifest, `None` before it was read."""
    return await find_one(reader, artifact_of, _FIND, manifest_id=manifest_id)


async def write_artifact(tx: Transaction, artifact: Artifact) -> None:
    """Write down what was found out; the marks stay as they are."""
    found = {name: getattr(artifact, name) for name in _WRITTEN}
    values = {name: storable(v) if isinstance(v, str) else v for name, v in found.items()}
    await tx.run(_WRITE, **{**values, "platforms": json.dumps(artifact.platforms)})


async def set_marks(tx: Transaction, manifest_id: int, marks: AttachmentCounts) -> None:
    """Replace what is said to be attached."""
    await tx.run(
        _SET_MARKS,
        of=manifest_id,
        new_signatures=marks.signatures,
        new_verified=marks.verified,
        new_sboms=marks.sboms,
        new_attestations=marks.attestations,
        new_vulnerabilities=json.dumps(marks.vulnerabilities) if marks.vulnerabilities else "",
        new_valid=marks.valid,
        new_invalid=marks.invalid,
    )


async def set_state(tx: Transaction, manifest_id: int, state: str, reason: str) -> None:
    """Say how far reading the contents has come."""
    await tx.run(_SET_STATE, of=manifest_id, new_state=state, new_reason=storable(reason))


def pack(found: Iterable[StoredDocument]) -> list[PackedDocument]:
    """The documents as they are kept, the last of each name; takes a while for long texts."""
    return [
        PackedDocument(
            document.name,
            document.media_type,
            zlib.compress(document.text.encode(errors="replace"), 6),
            document.is_cut,
        )
        for document in {document.name: document for document in found}.values()
    ]


async def write_documents(
    tx: Transaction, manifest_id: int, packed: Sequence[PackedDocument]
) -> None:
    """Keep these documents in place of those of the same names."""
    rows: list[dict[str, Value]] = [
        {
            "of": manifest_id,
            "name": document.name,
            "media_type": document.media_type,
            "is_cut": int(document.is_cut),
            "content": document.content,
        }
        for document in packed
    ]
    await tx.run_many(_WRITE_DOCUMENT, rows)


async def drop_documents(tx: Transaction, manifest_id: int, names: Sequence[str]) -> None:
    """Forget the documents of these names; those that are absent are no error."""
    await tx.run_many(_DROP_DOCUMENT, [{"of": manifest_id, "gone": name} for name in names])


async def find_document(reader: Reader, manifest_id: int, name: str) -> StoredDocument | None:
    """The document of that name."""
    return await find_one(reader, _document, _DOCUMENT, manifest_id=manifest_id, name=name)


async def list_texts(reader: Reader, manifest_ids: Iterable[int], name: str) -> dict[int, str]:
    """Return the text of the document of that name of each of the manifests that has one."""
    rows = await reader.all(_DOCUMENTS_OF_MANY, ids=json.dumps(list(manifest_ids)), name=name)
    return {int(of): zlib.decompress(content).decode() for of, content in rows}


async def list_document_names(reader: Reader, manifest_id: int) -> list[str]:
    """Which documents there are."""
    return await list_all(reader, first_text, _DOCUMENT_NAMES, manifest_id=manifest_id)


async def list_document_sizes(reader: Reader, manifest_id: int) -> list[tuple[str, int]]:
    """Which documents there are, and how many bytes each is kept in."""
    return await list_all(reader, _counted, _DOCUMENT_SIZES, manifest_id=manifest_id)


async def list_attached(
    reader: Reader, repository_id: int, subject: str
) -> list[tuple[str, Artifact]]:
    """The digest of each manifest that names this subject, with what it is; at most 500."""
    rows = await reader.all(_OF_SUBJECT, repository_id=repository_id, subject=subject)
    return [(str(row[1]), artifact_of(row[2:])) for row in rows]


async def list_parents(reader: Reader, repository_id: int, digest: str) -> list[tuple[int, str]]:
    """The id and digest of each index that lists this manifest; at most 100."""
    return await list_all(reader, _parent, _PARENTS, repository_id=repository_id, digest=digest)


async def count_kinds(reader: Reader, repository_id: int) -> dict[str, int]:
    """How many tags of each kind, the most frequent first."""
    return dict(await list_all(reader, _counted, _KINDS, repository_id=repository_id))


async def list_newest(reader: Reader, repository_id: int, limit: int) -> list[Artifact]:
    """The artifacts whose tags moved last, each once."""
    return await list_all(reader, artifact_of, _NEWEST, repository_id=repository_id, limit=limit)


async def list_to_read(reader: Reader, newest: int, after: int, limit: int) -> list[int]:
    """Ids of manifests that were not read by readers of that version."""
    return await list_all(reader, first_number, _TO_READ, reader=newest, after=after, limit=limit)


async def count_to_read(reader: Reader, newest: int) -> int:
    """How many manifests were not read by readers of that version."""
    return await get_number(reader, _COUNT_TO_READ, reader=newest)


async def list_with_document(
    reader: Reader, namespace_id: int, name: str, *, repository_id: int = 0
) -> list[int]:
    """Manifests of a namespace that have a document of that name; of one repository, or of all."""
    return await list_all(
        reader,
        first_number,
        _WITH_DOCUMENT,
        namespace_id=namespace_id,
        name=name,
        only=repository_id,
    )


async def list_all_with_document(reader: Reader, name: str, after: int, limit: int) -> list[int]:
    """Manifests of all namespaces that have a document of that name; a page of ids past `after`."""
    return await list_all(
        reader, first_number, _ALL_WITH_DOCUMENT, name=name, after=after, limit=limit
    )


async def count_states(reader: Reader) -> dict[str, int]:
    """How many artifacts there are by how far reading their contents has come."""
    return dict(await list_all(reader, _counted, _COUNT_STATES))


def artifact_of(row: Row) -> Artifact:
    """The artifact whose columns (`ARTIFACT_COLUMNS`) these are."""
    values = dict(zip(_WRITTEN, row[:13], strict=True))
    values["platforms"] = tuple(storable(each) for each in json.loads(row[9]))
    counts = json.loads(row[17]) if row[17] else {}
    marks = AttachmentCounts(row[13], row[14], row[15], row[16], counts, row[18], row[19])
    return Artifact(**values, marks=marks)
