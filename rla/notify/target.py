"""Where messages go. A subclass stands for one way to send them."""

from __future__ import annotations

from abc import ABC, abstractmethod

TIMEOUT = 10.0
"""Seconds that one message may take."""


class NotifyError(Exception):
    """A message could not be sent; the text tells why and holds no secret."""


class Target(ABC):
    """Somebody to tell."""

    @abstractmethod
    def send(self, text: str) -> None:
        """Send a message.

        Raises:
            NotifyError: It could not be sent.
        """
