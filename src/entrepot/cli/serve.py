"""`entrepot serve`: runs a hub."""

import asyncio
import errno
import fcntl
import gc
import multiprocessing
import os
import resource
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from entrepot.cli.common.output import Data, explain, fail
from entrepot.errors import EntrepotError

if TYPE_CHECKING:
    import threading
    from multiprocessing.connection import Connection

    from granian.http import HTTP1Settings

    from entrepot.settings import Settings
    from entrepot.worker import Worker

DRAIN: Final = 30
"""Seconds that requests under way get to end after SIGTERM."""
_CONNECTIONS: Final = 16_384
"""Connections that a worker holds at once, idle ones too; past that, others wait to be accepted."""
_BUSY: Final = "another program already listens on {}: choose another port with --port"
_LOOK_EVERY: Final = 0.05
_OWN_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not listened on here
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
    """Run the hub until SIGTERM or SIGINT; the first start creates the account `admin`."""
    options: dict[str, object] = {
        "host": host,
        "port": port,
        "data": data,
        "workers": workers,
        "tls": tls,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
    }
    _import_hub()
    settings, told = _prepare_in_child(options)
    with _claimed_port(settings):
        _run(settings, told)


def _import_hub() -> None:
    """Import what this process' children need: each of them has it then, and imports nothing."""
    # What modules make stays: looking at it again and again costs a tenth of the start.
    gc.disable()
    import granian.server  # noqa: F401

    import entrepot.worker  # noqa: F401

    gc.freeze()
    gc.enable()


def _prepare_in_child(options: dict[str, object]) -> "tuple[Settings, str]":
    """Reading settings and migrating need much that serving does not: a child gives it back.

    Beside the settings, what to say once the hub answers.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_prepare, args=(options, sender, os.getpid()))
    child.start()
    sender.close()
    try:
        prepared: tuple[Settings, str] = receiver.recv()
    except EOFError:
        child.join()
        raise typer.Exit(child.exitcode or 1) from None
    child.join()
    return prepared


def _prepare(options: dict[str, object], sender: "Connection", parent: int) -> None:
    from entrepot.bootstrap import prepare, public_url
    from entrepot.cli.common.configuration import read_settings
    from entrepot.extract.sandbox.confinement import describe, read_probe, start_probe
    from entrepot.ops.signals import end_with

    end_with(parent)
    try:
        settings = read_settings(**options)
        _check_port(settings)
        probe = start_probe()
        prepare(settings)
        _check_first_password(settings)
        _prepare_tls(settings)
    except OSError as error:
        print(f"entrepot: {explain(error)}", file=sys.stderr)
        sys.exit(1)
    except (EntrepotError, ValueError) as error:
        print(f"entrepot: {error}", file=sys.stderr)
        sys.exit(1)
    except typer.Exit as error:
        sys.exit(error.exit_code)
    lines = (
        f"Entrepot serves {settings.data.resolve()} on {public_url(settings)}",
        f"Extraction sandbox: {describe(read_probe(probe))}",
    )
    sender.send((settings, "\n".join(lines)))


def _check_first_password(settings: "Settings") -> None:
    """Raise where `admin` is still to be made and the password set for it cannot be one."""
    from entrepot.hub.identity.passwords import MAX_LENGTH, MIN_LENGTH

    given = settings.admin_password
    if given is None or MIN_LENGTH <= len(given) <= MAX_LENGTH:
        return
    from entrepot.bootstrap import has_accounts

    if not has_accounts(settings):
        raise ValueError(f"invalid admin_password: use {MIN_LENGTH} to {MAX_LENGTH} characters")


def _check_port(settings: "Settings") -> None:
    """Raise where somebody listens there already: our own sockets could share the port with them.

    Workers share it among themselves (`SO_REUSEPORT`), so binding alone would not notice.
    """
    where = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise OSError(_BUSY.format(where)) from error
            raise OSError(f"cannot listen on {where}: {error.strerror}") from error


@contextmanager
def _claimed_port(settings: "Settings") -> Iterator[None]:
    """Keep out hubs that start on this port at the same moment, until this one has ended.

    All of them found it free, and their workers would share it. Names of this kind are the
    network namespace's, as ports are, and go with the process.
    """
    from entrepot.bootstrap import public_url

    where = f"{settings.host}:{settings.port}"
    with socket.socket(socket.AF_UNIX) as claim:
        try:
            if sys.platform == "linux":
                claim.bind(f"\0entrepot {where}")
        except OSError:
            fail(_BUSY.format(where))
        address = public_url(settings) + "\n"
        with (settings.data / "serving.lock").open("a+b") as lock:
            # Not before the port is claimed: whoever is refused leaves no trace.
            _clear_leftovers(settings, lock.fileno())
            with suppress(OSError):
                settings.address_file.write_text(address)
            try:
                yield
            finally:
                with suppress(OSError):
                    if settings.address_file.read_text() == address:
                        settings.address_file.unlink()


def _clear_leftovers(settings: "Settings", lock: int) -> None:
    """Delete what hubs that died left, unless another hub serves the same directory.

    Each keeps a shared lock while it runs. Locks of this kind are not inherited by workers, and go
    with the process.
    """
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pass
    else:
        for name in ("metrics", "pipes"):
            shutil.rmtree(settings.data / name, ignore_errors=True)
    with suppress(OSError):
        fcntl.lockf(lock, fcntl.LOCK_SH)


def _prepare_tls(settings: "Settings") -> None:
    from entrepot.http.certificates import ensure_certificate, ensure_pkcs8

    if settings.tls is not None:
        ensure_certificate(settings.tls_directory, settings.host, settings.url)
    elif settings.tls_key is not None:
        ensure_pkcs8(settings.tls_key, settings.tls_directory)


def _run(settings: "Settings", told: str) -> None:
    from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
    from granian.log import LogLevels

    from entrepot.cli.common.stopping import PatientServer
    from entrepot.ops.readiness import DrainFlag
    from entrepot.settings import LogFormat

    if settings.log_format is LogFormat.AUTO:
        chosen = LogFormat.TEXT if sys.stdout.isatty() else LogFormat.JSON
        settings = replace(settings, log_format=chosen)
    _allow_descriptors()
    certificate, key = settings.certificate_files()
    PatientServer(
        "entrepot.worker:Worker",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        workers=settings.workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        backlog=2048,
        backpressure=_CONNECTIONS,
        http1_settings=_http1_settings(settings),
        log_level=LogLevels.warning,
        ssl_cert=certificate,
        ssl_key=key,
        ssl_protocol_min=SSLProtocols.tls12,
        workers_kill_timeout=DRAIN,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        process_name=None,
        ending=DrainFlag(settings.data, os.getpid()),
        delay=settings.stop_delay,
        announce=partial(_announce, settings, told),
    ).serve(target_loader=partial(_start_worker, settings, os.getpid()), wrap_loader=False)


def _start_worker(settings: "Settings", parent: int) -> "Worker":
    """In each process that answers requests: the hub, ready for the first one.

    The settings come by a fork or a pipe, never in the environment, which children inherit.
    """
    from entrepot.ops.signals import end_at_once, end_with

    end_with(parent)
    end_at_once()
    from entrepot.worker import Worker

    worker = Worker(settings)
    asyncio.get_event_loop().run_until_complete(worker.start())
    return worker


def _announce(settings: "Settings", told: str, ends: "threading.Event") -> None:
    """Say that the hub serves, once it does; say nothing if it ends before."""
    while not _answers(settings):
        if ends.wait(_LOOK_EVERY):
            return
    # Nobody may be reading; a hub that serves matters more.
    with suppress(OSError):
        print(told, flush=True)


def _answers(settings: "Settings") -> bool:
    host = _OWN_ADDRESS.get(settings.host, settings.host)
    try:
        with socket.create_connection((host, settings.port), timeout=5) as plain:
            connection = _unverified(plain) if settings.is_tls else plain
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return connection.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


def _unverified(plain: socket.socket) -> socket.socket:
    """TLS to this very process, whatever its certificate is for."""
    import ssl

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain)


def _http1_settings(settings: "Settings") -> "HTTP1Settings":
    from granian.http import HTTP1Settings

    return HTTP1Settings(
        header_read_timeout=int(settings.idle_timeout.total_seconds() * 1000),
        # As much of an answer waits in memory for each client who does not read, and as much of a
        # body is read at a time: half of it costs uploads a tenth more of processor time.
        max_buffer_size=256 * 1024,
    )


def _allow_descriptors() -> None:
    """Have as many as this process may: shells and hub begin with too few for a crowd."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if resource.RLIM_INFINITY != soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
