"""The `entrepot` command, also as `python -m entrepot`."""

import os
import sys


def main() -> None:
    """Run the command line.

    Its modules are imported here and not above: where workers are spawned rather than forked, they
    import this module first, and need none of them.
    """
    from entrepot.cli.main import app
    from entrepot.storage.private_files import UMASK

    # What the hub and its commands write holds secrets: databases, backups, keys.
    os.umask(UMASK)
    status: object = 0
    try:
        app()
    except SystemExit as end:
        status = end.code
    _leave(status)


def _leave(status: object) -> None:
    """End with that status.

    Threads of the S3 client that come back while Python is taken down would abort the process:
    once it is loaded, nothing is taken down.
    """
    if "obstore" not in sys.modules or not isinstance(status, int | None):
        sys.exit(status)  # type: ignore[arg-type]
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    main()
