"""How many statements a page costs."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from entrepot.metadata.engines.sqlite import SqliteReader


@contextmanager
def counting_queries(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect every statement that runs, as it is compiled for nobody in particular."""
    seen: list[str] = []
    plain = SqliteReader._query

    def query(reader: SqliteReader, statement, values):  # type: ignore[no-untyped-def]
        seen.append(str(statement.clause))
        return plain(reader, statement, values)

    with monkeypatch.context() as patched:
        patched.setattr(SqliteReader, "_query", query)
        yield seen
