"""The schema's part about scrubbing."""

from typing import Final

from sqlalchemy import Column, Table, Text

from entrepot.metadata.tables import NAME, NUMBER, SCHEMA

scrubs: Final = Table(
    "scrubs",
    SCHEMA,
    Column("name", NAME, primary_key=True),
    # The digest that was looked at last; how many blobs and bytes so far.
    Column("last", NAME, nullable=False),
    Column("blobs", NUMBER, nullable=False),
    Column("bytes", NUMBER, nullable=False),
    Column("began_at", NUMBER, nullable=False),
    Column("ended_at", NUMBER),
    sqlite_with_rowid=False,
)

damaged_blobs: Final = Table(
    "damaged_blobs",
    SCHEMA,
    Column("digest", NAME, primary_key=True),
    Column("problem", Text, nullable=False),
    Column("found_at", NUMBER, nullable=False),
    sqlite_with_rowid=False,
)
