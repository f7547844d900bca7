"""Tags like `1.0.post1` sort behind the release that they follow, and are releases themselves."""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_WORDS: Final = ("p", "patch", "pl", "post", "r", "rev", "sp")
_FOLLOWS: Final = re.compile(
    rf"v?\d+(?:\.\d+)*\.?(?:{'|'.join(_WORDS)})(?![a-z]).*", re.IGNORECASE | re.DOTALL
)


def upgrade() -> None:
    """Keys held what follows a release behind `!`, the mark of what comes before one."""
    names = ("repository_id", "name", "version_key")
    tags = sa.table("tags", *(sa.column(each) for each in names))
    key = tags.c.version_key
    # After the word come its number, further words, or nothing.
    ends = [f"1%!1{word}{end}" for word in _WORDS for end in ("0%", " %", "")]
    connection = op.get_bind()
    for row in connection.execute(sa.select(tags).where(sa.or_(*map(key.like, ends)))).all():
        if _FOLLOWS.fullmatch(row.name):
            is_row = sa.and_(tags.c.repository_id == row.repository_id, tags.c.name == row.name)
            mended = row.version_key.replace("!1", ", 1", 1)
            connection.execute(sa.update(tags).where(is_row).values(version_key=mended))
