"""`entrepot serve`: runs a hub."""

import multiprocessing
import os
import resource
import shutil
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from entrepot.cli.output import Data
from entrepot.errors import EntrepotError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from entrepot.settings import Settings

DRAIN: Final = 30
"""Seconds that requests under way get to end after SIGTERM."""
_CONNECTIONS: Final = 16_384
"""Connections that a worker holds at once, idle ones too; past that, others wait to be accepted."""
_DESCRIPTORS: Final = 4 * _CONNECTIONS


def serve(
    host: Annotated[
        str | None,
        typer.Option("--host", help="The address to listen on.", show_default="127.0.0.1"),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="The port to listen on.", show_default="5000")
    ] = None,
    data: Data = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", help="Processes.", show_default="one per processor, at most 4"),
    ] = None,
    tls: Annotated[
        str | None, typer.Option("--tls", metavar="auto", help="HTTPS with a local CA.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", help="HTTPS with this certificate (PEM).")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", help="The certificate's key (PEM).")
    ] = None,
) -> None:
    """Run a hub until SIGTERM or SIGINT; the first start makes the account `admin`."""
    options: dict[str, object] = {
        "host": host,
        "port": port,
        "data": data,
        "workers": workers,
        "tls": tls,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
    }
    _run(_prepare_in_child(options))


def _prepare_in_child(options: dict[str, object]) -> "Settings":
    """Reading settings and migrating need much that serving does not: a child gives it back."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_prepare, args=(options, sender))
    child.start()
    sender.close()
    import granian.server  # noqa: F401 - while the child works

    try:
        settings: Settings = receiver.recv()
    except EOFError:
        child.join()
        raise typer.Exit(child.exitcode or 1) from None
    child.join()
    return settings


def _prepare(options: dict[str, object], sender: "Connection") -> None:
    from entrepot.cli.configuration import read_settings
    from entrepot.start import prepare, public_url

    try:
        settings = read_settings(**options)
        _check_port(settings)
        prepare(settings)
        _prepare_tls(settings)
    except (EntrepotError, OSError, ValueError) as error:
        print(f"entrepot: {error}", file=sys.stderr)
        sys.exit(1)
    except typer.Exit as error:
        sys.exit(error.exit_code)
    shutil.rmtree(settings.data / "metrics", ignore_errors=True)
    print(f"Entrepot serves {settings.data.resolve()} on {public_url(settings)}", flush=True)
    sender.send(settings)


def _check_port(settings: "Settings") -> None:
    """Raise where somebody listens there already: our own sockets could share the port with them.

    Workers share it among themselves (`SO_REUSEPORT`), so binding alone would not notice.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise OSError(f"cannot listen on {where}: {error.strerror}") from error


def _prepare_tls(settings: "Settings") -> None:
    from entrepot.http.certificates import ensure_certificate, ensure_pkcs8

    if settings.tls is not None:
        ensure_certificate(settings.tls_directory, settings.host, settings.url)
    elif settings.tls_key is not None:
        ensure_pkcs8(settings.tls_key, settings.tls_directory)


def _run(settings: "Settings") -> None:
    from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    from entrepot.cli.stopping import PatientServer
    from entrepot.ops.readiness import Ending
    from entrepot.settings import LogFormat

    if settings.log_format is LogFormat.AUTO:
        chosen = LogFormat.TEXT if sys.stdout.isatty() else LogFormat.JSON
        settings = replace(settings, log_format=chosen)
    settings.hand_over()
    _allow_descriptors()
    certificate, key = settings.certificate_files()
    PatientServer(
        "entrepot.app:create_worker",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        workers=settings.workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        backlog=2048,
        backpressure=_CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=30_000),
        log_level=LogLevels.warning,
        ssl_cert=certificate,
        ssl_key=key,
        ssl_protocol_min=SSLProtocols.tls12,
        workers_kill_timeout=DRAIN,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        process_name=None,
        ending=Ending(settings.data, os.getpid()),
        delay=settings.stop_delay,
    ).serve()


def _allow_descriptors() -> None:
    """Have as many as this process may: shells and services begin with too few for a crowd."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if resource.RLIM_INFINITY != soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
