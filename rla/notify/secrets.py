"""Tokens and addresses that must not be seen: from the environment, or from a file that only its owner can read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rla.errors import ConfigError
from rla.notify.apprise_adapter import Apprise
from rla.notify.target import Target
from rla.notify.webhook import TELEGRAM, Telegram, Webhook

TOKEN: Final = "RLA_TELEGRAM_TOKEN"  # noqa: S105 - the name of a variable
URLS: Final = "RLA_NOTIFY_URLS"
SERVER: Final = "RLA_TELEGRAM_SERVER"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def targets(chat_ids: Sequence[str], environ: Mapping[str, str] = os.environ) -> list[Target]:
    """Everybody who is to be told.

    Args:
        chat_ids: Chats of Telegram.
        environ: The environment variables.

    Raises:
        ConfigError: There is no token for the chats, an address is wrong, or others could read a secret.
        MissingDependencyError: An address needs apprise.
    """
    found: list[Target] = [_target(url) for url in _secret(URLS, environ).split()]
    if chat_ids:
        token = _secret(TOKEN, environ)
        if not token:
            told = f"set {TOKEN}, or write the bot's token to {_file(TOKEN, environ)} with mode 0600"
            raise ConfigError(f"there are chat_ids, but no token for Telegram: {told}", key=TOKEN)
        found += [Telegram(token, chat, environ.get(SERVER, TELEGRAM)) for chat in chat_ids]
    return found


def _target(url: str) -> Target:
    if url.startswith(("http://", "https://")):
        return Webhook(url)
    if "://" not in url:
        raise ConfigError(f"an address of {URLS} has no ://: write it whole, as https://...", key=URLS)
    return Apprise(url)


def _secret(name: str, environ: Mapping[str, str]) -> str:
    """A variable, else the file that is named like it; nothing where there is neither."""
    if name in environ:
        return environ[name].strip()
    file = _file(name, environ)
    try:
        mode = file.stat().st_mode
        text = file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}", path=file, key=name) from error
    if mode & _OTHERS:
        raise ConfigError(f"others can read {file}, which holds a secret: run  chmod 600 {file}", path=file, key=name)
    return text


def _file(name: str, environ: Mapping[str, str]) -> Path:
    """``~/.config/rla/telegram_token`` and ``notify_urls``."""
    base = environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "rla" / name.removeprefix("RLA_").lower()
