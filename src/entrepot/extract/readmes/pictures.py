"""Small pictures that lie beside a README, to be shown in it: pages load nothing from elsewhere."""

import base64
from typing import Final

from entrepot.extract.findings import PICTURE, FoundDocument

PICTURE_SIZE: Final = 192 * 1024
"""Bytes of one picture."""
_ALL: Final = 1024 * 1024
_MOST: Final = 60
_TYPES: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "svg": "image/svg+xml",
}


class Pictures:
    """Pictures as they are found, until there are enough of them."""

    def __init__(self) -> None:
        self.documents: list[FoundDocument] = []
        self._left = _ALL

    def wants(self, path: str, size: int) -> bool:
        """Whether a file is a picture for which there is room; SVG runs nothing in an `img`."""
        is_picture = path.rpartition(".")[2].lower() in _TYPES
        is_small = 0 < size <= min(PICTURE_SIZE, self._left)
        return is_picture and is_small and len(self.documents) < _MOST

    def keep(self, path: str, content: bytes) -> None:
        """Keep one that is wanted."""
        self._left -= len(content)
        media_type = _TYPES[path.rpartition(".")[2].lower()]
        text = base64.b64encode(content).decode()
        self.documents.append(FoundDocument(f"{PICTURE}{path}", media_type, text))
