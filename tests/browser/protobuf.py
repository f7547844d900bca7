"""Kubernetes' binary form of a Secret, which is where Helm keeps releases, made into JSON's."""

import base64
from collections.abc import Iterator
from typing import Final

MAGIC: Final = b"k8s\0"


def read_secret(body: bytes) -> dict[str, object]:
    """The Secret that a client wrote in Kubernetes' protobuf envelope."""
    assert body.startswith(MAGIC)
    secret = _only(body[len(MAGIC) :], 2)
    metadata = _only(secret, 1)
    labels = dict(_pair(each) for number, each in _fields(metadata) if number == 11)
    data = dict(_pair(each) for number, each in _fields(secret) if number == 2)
    return {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {
            "name": _only(metadata, 1).decode(),
            "labels": {key: value.decode() for key, value in labels.items()},
        },
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
        "type": _only(secret, 3).decode(),
    }


def _only(message: bytes, wanted: int) -> bytes:
    return next(value for number, value in _fields(message) if number == wanted)


def _pair(message: bytes) -> tuple[str, bytes]:
    return _only(message, 1).decode(), _only(message, 2)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The number and bytes of every field that has bytes; numbers are passed over."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        size, at = _varint(message, at)
        if key & 7 == 2:
            yield key >> 3, message[at : at + size]
            at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
