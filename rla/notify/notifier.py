"""Send messages one after the other, beside everything else that goes on."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Sequence

from rla.core.wording import counted
from rla.notify.target import NotifyError, Target


class Notifier:
    """Tells everybody; a message that cannot be sent holds nothing up."""

    def __init__(self, targets: Sequence[Target]) -> None:
        """Begin to send as soon as there is something."""
        self._causes: Counter[str] = Counter()
        self._late: list[str] = []
        self._targets = targets
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._send_all, name="rla-notify", daemon=True)
        if targets:
            self._thread.start()

    def tell(self, text: str) -> None:
        """Send a message to everybody, some time soon."""
        if self._targets:
            self._waiting.put(text)

    def close(self, patience: float = 30.0) -> None:
        """Wait until all is sent, but not for ever.

        Args:
            patience: Seconds.
        """
        if not self._targets:
            return
        deadline = time.monotonic() + patience
        self._waiting.put(None)
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            self._late.append(f"messages could not be sent within {patience:g} s")

    @property
    def troubles(self) -> list[str]:
        """What could not be sent, and why: a line for each cause."""
        causes = list(self._causes.items())  # a thread that is late may still add to them
        return [*(f"{counted(number, 'message')} could not be sent: {cause}" for cause, number in causes), *self._late]

    def _send_all(self) -> None:
        while (text := self._waiting.get()) is not None:
            for target in self._targets:
                try:
                    target.send(text)
                except NotifyError as error:
                    self._causes[str(error)] += 1
