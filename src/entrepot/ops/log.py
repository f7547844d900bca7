"""The log: one event per line, as JSON or as text.

Requests are written by a thread, so that a stuck terminal holds up nobody.
"""

import json
import logging
import os
import queue
import threading
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from msgspec.json import encode

from entrepot.http.messages import Request, Response

_FLUSH_EVERY: Final = 0.2
_LINES_AT_ONCE: Final = 512
_LINES_WAITING: Final = 20_000
_LONGEST: Final = 2048
"""Characters of a path or an agent that are logged."""


class RequestLog:
    """Writes request lines to a file descriptor; drops lines rather than waiting for a reader."""

    def __init__(self, descriptor: int = 1, *, as_text: bool = False) -> None:
        self._descriptor = descriptor
        self._format = _as_text if as_text else _as_json
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="request-log", daemon=True)
        self._thread.start()

    def note(self, request: Request, response: Response, seconds: float) -> None:
        """Note one request; costs no system call here."""
        if self._lines.qsize() < _LINES_WAITING:
            self._lines.put(self._format(request, response, seconds))

    def close(self) -> None:
        """Write what is waiting, for a second at most."""
        self._lines.put(None)
        self._thread.join(timeout=1)

    def _write_all(self) -> None:
        pause = threading.Event()
        while True:
            lines = [self._lines.get()]
            pause.wait(_FLUSH_EVERY)
            while len(lines) < _LINES_AT_ONCE and not self._lines.empty():
                lines.append(self._lines.get())
            text = "".join(line for line in lines if line is not None)
            try:
                os.write(self._descriptor, text.encode())
            except OSError:
                # Nobody reads: the log is lost, the service goes on.
                return
            if None in lines:
                return


_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class _JsonFormatter(logging.Formatter):
    """An event with its fields as one JSON document."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback is a field."""
        event: dict[str, object] = {
            "event": record.getMessage(),
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        event.update({k: v for k, v in vars(record).items() if k not in _STANDARD})
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return json.dumps(event, default=str)


def configure_logging(*, as_text: bool) -> None:
    """Send what the hub's own modules log to the standard error."""
    handler = logging.StreamHandler()
    if not as_text:
        handler.setFormatter(_JsonFormatter())
    ours = logging.getLogger("entrepot")
    ours.handlers = [handler]
    ours.setLevel(logging.INFO)
    ours.propagate = False


def _as_json(request: Request, response: Response, seconds: float) -> str:
    facts = request.facts
    now = time.time()
    event = {
        "event": "request",
        "at": f"{_second(int(now))}.{int(now % 1 * 1000):03}+00:00",
        "request": request.id,
        "client": request.sender,
        "method": request.method,
        "path": request.path[:_LONGEST],
        "status": response.status,
        "bytes": response.size,
        "ms": round(seconds * 1000, 3),
        "account": facts.get("account", ""),
        "repository": facts.get("repository", ""),
        "agent": (request.header("user-agent") or "")[:_LONGEST],
    }
    try:
        line = encode(event)
    except ValueError:
        # Half a surrogate pair: how a path holds bytes that are no text.
        return json.dumps(event) + "\n"
    # Characters that could steer a terminal, U+009B among them, are written as escapes.
    return line.decode("ascii") + "\n" if line.isascii() else json.dumps(event) + "\n"


@lru_cache(maxsize=1)
def _second(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()[:19]


def _as_text(request: Request, response: Response, seconds: float) -> str:
    who = request.facts.get("account") or "-"
    # repr() keeps what a path may hold from steering the terminal.
    path = repr(request.path[:_LONGEST])[1:-1]
    now = datetime.now().astimezone().strftime("%H:%M:%S")
    return (
        f"{now} {response.status} {request.method:<6} {path} "
        f"{response.size} B {seconds * 1000:.1f} ms {who}\n"
    )
