"""Places where artifacts are: by names and addresses, over HTTPS and plain HTTP."""

from dataclasses import replace
from typing import Final

from entrepot.kinds.commands import CommandTarget
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag

PUBLIC: Final = CommandTarget(
    host="hub.example.org",
    is_https=True,
    repository=RepositoryName("acme/tools/my_app.one"),
    digest=Digest.of(b"the manifest"),
    tag=Tag("1.2.3_build.5"),
)
LOCALHOST: Final = replace(PUBLIC, host="localhost:5000", is_https=False)
ADDRESS: Final = replace(PUBLIC, host="127.0.0.1:5000", is_https=False)
INTRANET: Final = replace(PUBLIC, host="hub.lan:5000", is_https=False)
ALL: Final = {
    "https": PUBLIC,
    "https by digest": replace(PUBLIC, tag=None),
    "localhost": LOCALHOST,
    "127.0.0.1": ADDRESS,
    "plain http": INTRANET,
    "plain http by digest": replace(INTRANET, tag=None),
    "no namespace": replace(PUBLIC, repository=RepositoryName("alone"), tag=Tag("latest")),
}
