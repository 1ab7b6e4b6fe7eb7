"""Messages by any service that apprise knows."""

from __future__ import annotations

import importlib.util
from typing import Any

from rla.errors import ConfigError, MissingDependencyError
from rla.notify.target import NotifyError, Target


class Apprise(Target):
    """An address in the form of apprise, as ``mailto://...`` or ``discord://...``."""

    def __init__(self, url: str) -> None:
        """Name the address, which is a secret.

        Raises:
            MissingDependencyError: apprise is not installed.
            ConfigError: apprise does not know such an address.
        """
        scheme = url.partition("://")[0]
        if importlib.util.find_spec("apprise") is None:
            raise MissingDependencyError("apprise", "notify", f"a message to {scheme}://")
        import apprise  # noqa: PLC0415 - only when it is used

        self._scheme = scheme
        self._server: Any = apprise.Apprise()
        if not self._server.add(url):
            raise ConfigError(f"apprise knows no address that begins like this: {scheme}://", key="RLA_NOTIFY_URLS")

    def send(self, text: str) -> None:
        """Let apprise send a message."""
        if not self._server.notify(body=text):
            raise NotifyError(f"{self._scheme}:// did not take the message")
