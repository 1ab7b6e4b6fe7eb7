"""Hide what looks like a secret before it reaches a file, the index or a screen.

Three questions, answered by form alone: :func:`secret_file` looks at a file's name,
:func:`looks_secret` finds keys and tokens that cannot be anything else, and :func:`redact_text`
masks those and every password or token that a text assigns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

MASK: Final = "***"
_SECRET: Final = re.compile(
    r"pass(word|wd|phrase)|secret|token$|(api|access|account|private)[-_]?key|credential|authorization", re.IGNORECASE
)
_URL: Final = re.compile(r"(\w+://[^/\s:@\"']*):[^/\s\"']*@")

_SECRET_FILES: Final = {
    "a private key": r"id_(rsa|dsa|ecdsa|ed25519)(_sk)?|.*\.(pem|key|p12|pfx|ppk|jks|keystore|kdbx)|\.?vault[-_]pass.*",
    "a file of variables that may be secret": r"\.env(\..+)?|.+\.env|\.envrc",
    "a file of credentials": (
        r"(.*[-_.])?(credentials?|secrets?)(\.(json|ya?ml|toml|ini|cfg|conf|txt|csv|env|xml))?"
        r"|\.(netrc|pgpass|my\.cnf|htpasswd|git-credentials|pypirc|npmrc|dockercfg|s3cfg|boto)|_netrc|kubeconfig"
        r"|client_secret.*\.json|service[-_]account.*\.json"
    ),
}
_SECRET_FILE: Final = {reason: re.compile(names, re.IGNORECASE) for reason, names in _SECRET_FILES.items()}
_TEMPLATE: Final = re.compile(r".*[.-_](example|sample|template|dist)", re.IGNORECASE)

_TOKENS: Final = {
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}",
    "a GitLab token": r"\bgl(?:pat|dt|rt|ft|soat|cbt|ptt|agent)-[\w-]{20,}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{20,}",
    "an OpenAI or Anthropic key": r"\bsk-(?:proj|svcacct|admin|ant)-[\w-]{20,}|\bsk-[A-Za-z0-9]{32,}",
    "a Slack token": r"\bxox[a-z]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[\w/]{20,}",
    "a Google key": r"\bAIza[\w-]{35}|\bya29\.[\w-]{20,}",
    "a Stripe key": r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{20,}",
    "a package index token": r"\bpypi-[\w-]{50,}|\bnpm_[A-Za-z0-9]{30,}",
    "a Weights & Biases key": r"\bwandb_v\d_[\w-]{20,}",
    "a signed web token": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
}
_TOKEN: Final = re.compile("|".join(f"({pattern})" for pattern in _TOKENS.values()))
_BEARER: Final = re.compile(r"(\b(?:Bearer|Basic)\s+)(?=[^\s\"']*\d)[\w.~+/-]{16,}=*", re.IGNORECASE)

# A block ends at its last line, at the next hunk of a diff, or after 20,000 characters.
_KEY_BLOCK: Final = re.compile(
    r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d)"
    r"((?:(?!-----END|\n@@ |\ndiff --git )[\s\S]){0,20000})"
)
_KEY_LINE: Final = re.compile(r"^([ +-]?)[^\n]+$", re.MULTILINE)

_NAME: Final = (
    r"(?P<name>pass(?:word|wd|phrase)|(?<=[_-])pwd|secret|credentials?|(?:api|access|account|private|signing)[_-]?key|token)"
    r"(?:[_-]?(?:access[_-]?key|key|id|value))?"
)
_PREFIXED_QUOTE: Final = r"(?P<prefix>[rbfuRBFU]{0,2})(?P<quote>[\"'])(?P<quoted>[^\"'\n]+)(?P=quote)"
_QUOTED: Final = re.compile(
    rf"(?P<before>{_NAME}[\"'\]]{{0,3}}(?:\s*:[^=\n\"']{{1,40}})?\s*(?::=|=>|[:=]=?)\s*){_PREFIXED_QUOTE}",
    re.IGNORECASE,
)
_BARE: Final = re.compile(
    r"(?P<before>^(?:@@ [^@\n]* @@ |[ +-])?\s*(?:-\s+)?(?:export\s+|set\s+|ENV\s+|//)?[\"']?[\w./:-]{0,80}?"
    rf"{_NAME}[\"']?\s*[:=]\s*)(?P<quoted>[^\s\"'#,;]+)(?=[\s,;]*(?:#.*)?$)",
    re.IGNORECASE | re.MULTILINE,
)
_QUERY: Final = re.compile(rf"(?P<before>[?&][\w-]{{0,80}}?{_NAME}=)(?P<quoted>[^&\s\"'#]+)", re.IGNORECASE)
_PLACEHOLDER: Final = re.compile(
    r"[<\[].*|\$[{(].*|\$[A-Z_]+|\{\{.*|%\(.*|\*+|x+|\.+|!\w+|none|null|true|false|str|string|bytes|int|any|optional\b.*",
    re.IGNORECASE,
)
_CODE: Final = re.compile(
    r".*\.(py[ix]?|ipynb|[jt]sx?|c|cc|cpp|cu|h|hpp|java|go|rs|jl|rb|lua|swift|kt|m|r)", re.IGNORECASE
)
_SHORTEST: Final = 3
_SHORTEST_TOKEN: Final = 8


def redact_argv(argv: Sequence[str]) -> list[str]:
    """A command line without the values of its secret options, without tokens and passwords in URLs.

    >>> redact_argv(["train.py", "--api-key", "k", "--lr=1", "--password=p", "db://me:pw@host/x"])
    ['train.py', '--api-key', '***', '--lr=1', '--password=***', 'db://me:***@host/x']
    """
    return list(_redacted(argv))


def redact_text(text: str, name: str = "") -> str:
    """A text, source file or diff with its secrets masked; it keeps its lines, so that a diff stays one.

    Masked are keys and tokens of known form, private key blocks, passwords in URLs, and values that
    are assigned to a name such as ``password`` or ``api_key``: quoted ones everywhere, bare ones on
    lines like those of a configuration file.

    >>> redact_text("password: hunter2  # mine")
    'password: ***  # mine'

    Args:
        text: Any text.
        name: The name of the file it comes from. In a source file a bare value is an expression,
            and stays.
    """
    text = _KEY_BLOCK.sub(lambda match: match[1] + _masked_lines(match[2]), text)
    text = _BEARER.sub(rf"\1{MASK}", _TOKEN.sub(MASK, _URL.sub(rf"\1:{MASK}@", text)))
    text = _QUERY.sub(_masked_value, _QUOTED.sub(_masked_value, text))
    return text if _CODE.fullmatch(name) else _BARE.sub(_masked_value, text)


def looks_secret(text: str) -> str | None:
    """What kind of secret a text holds, such as ``a GitHub token``; None when it holds none.

    Only forms that cannot be anything else count: private keys and tokens. A password that source
    code assigns does not make the whole file secret; :func:`redact_text` masks it.
    """
    if _KEY_BLOCK.search(text):
        return "a private key"
    match = _TOKEN.search(text)
    return None if match is None else list(_TOKENS)[(match.lastindex or 1) - 1]


def secret_file(name: str) -> str | None:
    """What kind of secret a file's name promises, such as ``a private key``; None for an ordinary name.

    >>> secret_file(".env"), secret_file(".env.example"), secret_file("train.py")
    ('a file of variables that may be secret', None, None)

    Args:
        name: The name alone, without directories.
    """
    if _TEMPLATE.fullmatch(name):
        return None
    return next((reason for reason, names in _SECRET_FILE.items() if names.fullmatch(name)), None)


def _redacted(argv: Sequence[str]) -> Iterator[str]:
    secret_follows = False
    for word in argv:
        name, equals, _ = word.partition("=")
        is_option = word.startswith("-")
        if secret_follows and not is_option:
            yield MASK
        elif equals and _SECRET.search(name) and "://" not in name:
            yield f"{name}={MASK}"
        else:
            yield redact_text(word)
        secret_follows = is_option and not equals and bool(_SECRET.search(name))


def _masked_lines(block: str) -> str:
    """Every line of a key block masked, behind the mark that a diff puts before it."""
    first, newline, rest = block.partition("\n")
    return (MASK if first.strip() else first) + newline + _KEY_LINE.sub(rf"\1{MASK}", rest)


def _masked_value(match: re.Match[str]) -> str:
    groups = match.groupdict()
    value, prefix, quote = match["quoted"], groups.get("prefix") or "", groups.get("quote") or ""
    if _is_harmless(match["name"], value) or ("f" in prefix.lower() and "{" in value):
        return match[0]
    return f"{match['before']}{prefix}{quote}{MASK}{quote}"


def _is_harmless(name: str, value: str) -> bool:
    """A placeholder, or what only shares its name with a secret, as ``token = "word"`` of a language model."""
    if len(value) < _SHORTEST or _PLACEHOLDER.fullmatch(value):
        return True
    if name.lower() != "token":
        return " " in value
    has_both = any(char.isdigit() for char in value) and any(char.isalpha() for char in value)
    return len(value) < _SHORTEST_TOKEN or not has_both or " " in value
