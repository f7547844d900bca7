"""The sandboxed process verifies bundles with the roots that it is handed, in little memory."""

import json
from pathlib import Path

from msgspec import structs

from entrepot.extract.findings import SIGSTORE, Blob, Task, TrustRoot
from entrepot.extract.sandbox.reader import SandboxedReader
from tests.extract.makers import SUBJECT
from tests.extract.tasks import blob
from tests.support.private_sigstore import PrivateSigstore
from tests.support.sigstore_parts import BUNDLE, simple_payload, statement

MOST_MEMORY = 150 * 1024
"""KiB that the process may ever have held."""
SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"


def most_memory(reader: SandboxedReader) -> int:
    """The most KiB that the process held."""
    assert reader._child is not None
    status = Path(f"/proc/{reader._child.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


async def test_bundles_and_tags_are_verified_behind_its_walls(tmp_path: Path) -> None:
    ours = PrivateSigstore()
    payload = simple_payload(SUBJECT)
    layers: list[Blob] = [
        blob(tmp_path, json.dumps(ours.sign_statement(statement(SUBJECT))).encode(), BUNDLE),
        structs.replace(blob(tmp_path, payload, SIMPLE), annotations=ours.sign_simply(payload)),
    ]
    roots = [TrustRoot("ours", SIGSTORE, ours.trusted_root())]
    reader = SandboxedReader()
    try:
        for layer in layers:
            task = Task("documents", "sigstore-signature", [layer], subject=SUBJECT, roots=roots)
            (found,) = (await reader.read(task)).signatures
            assert (found.check, found.root) == ("verified", "ours"), found.reason
        assert most_memory(reader) < MOST_MEMORY
    finally:
        await reader.close()
