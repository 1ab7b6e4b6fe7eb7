"""Messages as JSON to an address of the web, and to Telegram's."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Final

import msgspec

from rla.notify.target import TIMEOUT, NotifyError, Target

TELEGRAM: Final = "https://api.telegram.org"
_LONGEST: Final = 4000
"""Characters of a message; Telegram takes 4,096."""


class Webhook(Target):
    """An address that takes ``{"text": ...}``, as those of Slack and Mattermost do."""

    def __init__(self, url: str) -> None:
        """Name the address, which is a secret."""
        self._url = url

    def send(self, text: str) -> None:
        """Post a message."""
        _post(self._url, {"text": text[:_LONGEST]})


class Telegram(Target):
    """A chat of Telegram.

    Source: https://core.telegram.org/bots/api#sendmessage
    """

    def __init__(self, token: str, chat_id: str, server: str = TELEGRAM) -> None:
        """Name the bot by its token, which is a secret, and the chat."""
        self._url = f"{server}/bot{token}/sendMessage"
        self._chat_id = chat_id

    def send(self, text: str) -> None:
        """Send a message to the chat."""
        _post(self._url, {"chat_id": self._chat_id, "text": text[:_LONGEST]})


def _post(url: str, content: dict[str, Any]) -> None:
    """No redirection is followed: it could carry the message, and the secret, elsewhere."""
    host = urllib.parse.urlsplit(url).hostname or "the address"
    headers = {"Content-Type": "application/json", "User-Agent": "rla"}
    try:
        request = urllib.request.Request(url, msgspec.json.encode(content), headers)  # noqa: S310 - checked when it was read
        with urllib.request.build_opener(_NoRedirect()).open(request, timeout=TIMEOUT) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        raise NotifyError(f"{host} answered {error.code}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise NotifyError(f"{host} could not be reached: {reason}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Turns a redirection into the error that it is here."""

    def redirect_request(self, *_arguments: Any, **_options: Any) -> None:
        return None
