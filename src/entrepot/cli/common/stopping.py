"""A server that starts and ends as operators expect: told when it answers, and ended in time."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from granian.server import Server

from entrepot.ops.readiness import DrainFlag
from entrepot.ops.signals import held_back


class PatientServer(Server):  # type: ignore[valid-type, misc]
    """Granian, which says when it answers, is not ready once asked to end, and closes late.

    `announce` is run in a thread of its own when the workers were started, with an event that is
    set when the server ends.
    """

    def __init__(
        self,
        *words: Any,
        ending: DrainFlag,
        delay: timedelta | None,
        announce: Callable[[threading.Event], None],
        **named: Any,
    ) -> None:
        super().__init__(*words, **named)
        self._ending = ending
        self._delay = delay
        self._announce = announce
        self._is_asked = False

    def serve(self, *words: Any, **named: Any) -> None:
        """Serve until asked to end."""
        self._ending.withdraw()
        try:
            super().serve(*words, **named)
        finally:
            self._ending.withdraw()

    def startup(self, *words: Any) -> None:
        """Start the workers, and have it told when they answer."""
        super().startup(*words)
        told = (self.main_loop_interrupt,)
        threading.Thread(target=self._announce, args=told, daemon=True).start()

    def signal_handler_interrupt(self, *words: Any, **named: Any) -> None:
        """Begin to end; a second signal ends at once."""
        self._ending.announce()
        if self._delay is None or self._is_asked:
            super().signal_handler_interrupt(*words, **named)
            return
        self._is_asked = True
        timer = threading.Timer(self._delay.total_seconds(), super().signal_handler_interrupt)
        timer.daemon = True
        timer.start()

    def _spawn_worker(self, *words: Any, **named: Any) -> Any:
        worker = super()._spawn_worker(*words, **named)
        start = worker.start

        def start_undisturbed() -> None:
            # A worker has this process' handlers until it has its own, and would lose a SIGTERM.
            with held_back():
                start()

        worker.start = start_undisturbed
        return worker
