"""Rendered READMEs of repositories: rendered when saved, never when shown."""

import hashlib
import zlib
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, or_, select

from entrepot.metadata.artifact_tables import rendered_readmes
from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction
from entrepot.metadata.engines.rows import first_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.tables import repositories

_THIS: Final = rendered_readmes.c.repository_id == bindparam("of")
_VALUES: Final = ("source", "renderer", "reason", "content")
_INSERT: Final = insert(rendered_readmes).values(
    repository_id=bindparam("repository_id"), **{name: bindparam(name) for name in _VALUES}
)
_WRITE: Final = SqlStatement(
    _INSERT.on_conflict_do_update(
        index_elements=["repository_id"],
        set_={name: _INSERT.excluded[name] for name in _VALUES},
    )
)
_DELETE: Final = SqlStatement(delete(rendered_readmes).where(_THIS))
_FIND: Final = SqlStatement(
    select(
        rendered_readmes.c.source,
        rendered_readmes.c.renderer,
        rendered_readmes.c.reason,
        rendered_readmes.c.content,
    ).where(_THIS)
)
_MISSING: Final = SqlStatement(
    select(repositories.c.id)
    .outerjoin(rendered_readmes, rendered_readmes.c.repository_id == repositories.c.id)
    .where(
        repositories.c.readme != "",
        or_(
            rendered_readmes.c.renderer.is_(None),
            rendered_readmes.c.renderer < bindparam("renderer"),
        ),
    )
    .order_by(repositories.c.id)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class RenderedReadme:
    """A README that was drawn; `source` is the digest of its text, `reason` why it is plain."""

    source: str
    renderer: int
    reason: str
    html: str


def source_of(readme: str) -> str:
    """The digest by which a README knows what was drawn of it."""
    return hashlib.sha256(readme.encode(errors="replace")).hexdigest()


_readme: Final = row_mapper(
    RenderedReadme, html=lambda content: zlib.decompress(bytes(content)).decode()
)


async def write(tx: Transaction, repository_id: int, rendered: RenderedReadme) -> None:
    """Keep what was drawn, instead of what was drawn before."""
    await tx.run(
        _WRITE,
        repository_id=repository_id,
        source=rendered.source,
        renderer=rendered.renderer,
        reason=rendered.reason,
        content=zlib.compress(rendered.html.encode(errors="replace"), 6),
    )


async def remove(tx: Transaction, repository_id: int) -> None:
    """Forget what was drawn; repeating it does nothing."""
    await tx.run(_DELETE, of=repository_id)


async def find(reader: Reader, repository_id: int) -> RenderedReadme | None:
    """Return the last rendered README."""
    row = await reader.one(_FIND, of=repository_id)
    if row is None:
        return None
    return _readme(row)


async def list_missing(reader: Reader, renderer: int, most: int) -> list[int]:
    """Repositories whose README was never drawn, or by an older renderer; the oldest first."""
    return await list_all(reader, first_number, _MISSING, renderer=renderer, most=most)
