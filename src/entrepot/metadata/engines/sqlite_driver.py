"""The SQLite library of the hub: a version of its own, not the machine's.

pysqlite3 has wheels for x86-64 only; elsewhere the same driver comes with SQLCipher, which without
a key is SQLite and writes the same files.
"""

try:
    from pysqlite3 import dbapi2
except ImportError:
    from sqlcipher3 import dbapi2

__all__ = ["dbapi2"]
