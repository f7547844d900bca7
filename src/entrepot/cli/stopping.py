"""A server that says that it is about to end before it does."""

import threading
from datetime import timedelta
from typing import Any

from granian.server import Server

from entrepot.ops.readiness import Ending


class PatientServer(Server):  # type: ignore[valid-type, misc]
    """Granian, which on SIGTERM is not ready at once, and closes its port only after a while."""

    def __init__(self, *words: Any, ending: Ending, delay: timedelta | None, **named: Any) -> None:
        super().__init__(*words, **named)
        self._ending = ending
        self._delay = delay
        self._is_asked = False

    def serve(self, *words: Any, **named: Any) -> None:
        """Serve until asked to end."""
        self._ending.withdraw()
        try:
            super().serve(*words, **named)
        finally:
            self._ending.withdraw()

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
