"""Blobs that nginx sends itself: the hub answers with a header that names the file."""

from typing import Final

from entrepot.http.messages import Request
from entrepot.http.origin import Origins
from entrepot.settings import BlobSender

_INTERNAL: Final = "/.entrepot/blobs/"
"""Where `deploy/nginx-blobs.conf` has the directory of the blobs; for nobody but nginx itself."""


class ProxiedFiles:
    """Asks a trusted proxy to send a file, where the setting says that it can."""

    def __init__(self, sender: BlobSender, origins: Origins) -> None:
        self._sender = sender
        self._origins = origins

    def find_header(self, request: Request, key: str) -> tuple[str, str] | None:
        """The header that has the proxy send the blob; `None` where the hub sends it.

        Only the peer counts: a client that reaches the hub itself could do nothing with it.
        """
        if self._sender is BlobSender.HUB or not self._origins.is_trusted(request.client):
            return None
        return "x-accel-redirect", f"{_INTERNAL}{key}"
