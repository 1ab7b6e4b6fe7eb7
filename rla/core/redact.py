"""Hide what looks like a secret before it reaches a file, the index or a screen.

:func:`looks_secret` finds keys and tokens that cannot be anything else; :func:`redact_text` masks
those and every password or token that a text assigns. Both judge by form alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

MASK: Final = "***"
_SECRET: Final = re.compile(
    r"pass(word|wd|phrase)|secret|token$|(api|access|account|private)[-_]?key|credential|authorization", re.IGNORECASE
)
_URL: Final = re.compile(r"(?P<before>://[^/\s:@\"']*:)(?P<password>[^/\s\"']*)(?=@)")

_TOKENS: Final = [
    ("an AWS access key", ("AKIA", "ASIA"), r"A(?:KIA|SIA)(?<!\wA...)[0-9A-Z]{16}\b"),
    ("a GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{20,}"),
    ("a GitHub token", ("github_pat_",), r"github_pat_\w{20,}"),
    ("a GitLab token", ("gl",), r"gl(?:pat|dt|rt|ft|soat|cbt|ptt|agent)-[\w-]{20,}"),
    ("a Hugging Face token", ("hf_",), r"hf_(?<!\whf_)[A-Za-z0-9]{20,}"),
    (
        "an OpenAI or Anthropic key",
        ("sk-",),
        r"sk-(?<!\wsk-)(?:(?:proj|svcacct|admin|ant)-[\w-]{20,}|[A-Za-z0-9]{32,})",
    ),
    ("a Slack token", ("xox", "xapp-"), r"x(?:ox[a-z]|app-\d)-[A-Za-z0-9-]{10,}"),
    ("a Slack address", ("hooks.slack.com",), r"(?<=hooks\.slack\.com/)services/[\w/]{20,}"),
    ("a Google key", ("AIza", "ya29."), r"AIza[\w-]{35}|ya29\.[\w-]{20,}"),
    ("a Stripe key", ("k_live_", "k_test_"), r"[rs]k_(?:live|test)_[A-Za-z0-9]{20,}"),
    ("a package index token", ("pypi-", "npm_"), r"pypi-[\w-]{50,}|npm_[A-Za-z0-9]{30,}"),
    ("a Weights & Biases key", ("wandb_v",), r"wandb_v\d_[\w-]{20,}"),
    ("a signed web token", ("eyJ",), r"eyJ(?<![\w-]eyJ)[\w-]{10,2000}\.eyJ[\w-]{10,8000}\.[\w-]{10,}"),
]
"""What it is, text without which there is none of it, and its form."""
_TOKEN_FORMS: Final = [(reason, signs, re.compile(form)) for reason, signs, form in _TOKENS]
_BEARER: Final = re.compile(r"([Bb](?:earer|asic) {1,8})(?=[^\s\"']*\d)[\w.~+/-]{16,}=*")

# A block ends at its last line, at the next hunk of a diff, or after 20,000 characters.
_KEY_BLOCK: Final = re.compile(
    r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d)"
    r"((?:(?!-----END|\n@@ |\ndiff --git )[\s\S]){0,20000})"
)
_KEY_LINE: Final = re.compile(r"^([ +-]?+)[^\n]+$", re.MULTILINE)

_NAME: Final = (
    r"(?P<name>pass(?:word|wd|phrase)|(?<=[_-])pwd|secret|credentials?|(?:api|access|account|private|signing)[_-]?key|token)"
    r"(?:[_-]?(?:access[_-]?key|key|id|value))?"
)
_NAMED: Final = re.compile(_NAME)
_SIGNS_OF_NAMES: Final = ("pass", "pwd", "secret", "credential", "key", "token")
_PREFIXED_QUOTE: Final = r"(?P<prefix>[rbfuRBFU]{0,2})(?P<quote>[\"'])(?P<quoted>[^\"'\n]+)(?P=quote)"
_QUOTED: Final = re.compile(
    rf"(?P<before>{_NAME}[\"'\]]{{0,3}}(?:[ \t]*:[^=\n\"']{{1,40}})?[ \t]*(?::=|=>|[:=]=?)[ \t]*){_PREFIXED_QUOTE}",
    re.IGNORECASE,
)
_BARE: Final = re.compile(
    r"(?P<before>^(?:@@ [^@\n]* @@ |[ +-])?[ \t]*(?:- +)?(?:export +|set +|ENV +|//)?[\"']?[\w./:-]{0,80}?"
    rf"{_NAME}[\"']?[ \t]*[:=][ \t]*)(?P<quoted>[^\s\"'#,;]+)(?=[ \t\r,;]*(?:#.*)?$)",
    re.IGNORECASE,
)
_QUERY: Final = re.compile(rf"(?P<before>[?&;][\w-]{{0,80}}?{_NAME}=)(?P<quoted>[^&;\s\"'#]+)", re.IGNORECASE)
_COMMAND: Final = re.compile(
    r"(?P<before>(?:(?<![^\s;\"'])|(?<=^[+-]))(?P<dashes>--)?[\w-]{0,40}?"
    rf"{_NAME}(?(dashes)(?:=|[ \t]+)|=))(?P<quoted>[^-&;\s\"'#][^&;\s\"'#]*)",
    re.IGNORECASE,
)
_IN_SOURCE: Final = (_QUOTED, _QUERY)
_ANYWHERE: Final = (_QUOTED, _QUERY, _BARE, _COMMAND)
_PLACEHOLDER: Final = re.compile(
    r"[<\[].*|\$[{(].*|\$[A-Z_]+|\{.*\}|%s|%\(.*|\*+|x+|\.+|!\w+|none|null|true|false|str|string|bytes|int|any|optional\b.*",
    re.IGNORECASE,
)
_CODE: Final = re.compile(
    r".*\.(py[ix]?|ipynb|[jt]sx?|c|cc|cpp|cu|h|hpp|java|go|rs|jl|rb|lua|swift|kt|m|r)", re.IGNORECASE
)
_WEB: Final = re.compile(r"(git\+)?(https?|ftps?)://")
_USER: Final = re.compile(r"^([\w+]+://)[^/]*@")
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
    for _, signs, form in _TOKEN_FORMS:
        if any(sign in text for sign in signs):
            text = form.sub(MASK, text)
    text = _BEARER.sub(rf"\1{MASK}", _URL.sub(_masked_password, text))
    forms = _IN_SOURCE if _CODE.fullmatch(name) else _ANYWHERE
    lowered = text.lower()
    if not any(sign in lowered for sign in _SIGNS_OF_NAMES):
        return text
    lines = zip(text.split("\n"), lowered.split("\n"), strict=True)
    return "\n".join(_without_assigned(line, forms) if _NAMED.search(low) else line for line, low in lines)


def shown_address(address: str) -> str:
    """The address of a repository without user, password and query; an ssh user is no secret, and stays.

    >>> shown_address("https://me:token@example.com/a.git?key=1"), shown_address("git@example.com:a.git")
    ('https://example.com/a.git', 'git@example.com:a.git')
    """
    if _WEB.match(address):
        address = re.split(r"[?#]", _USER.sub(r"\1", address))[0]
    return redact_text(address)


def looks_secret(text: str) -> str | None:
    """What kind of secret a text holds, such as ``a GitHub token``; None when it holds none.

    Only forms that cannot be anything else count: private keys and tokens. A password that source
    code assigns does not make the whole file secret; :func:`redact_text` masks it.
    """
    if _KEY_BLOCK.search(text):
        return "a private key"
    found = (
        reason for reason, signs, form in _TOKEN_FORMS if any(sign in text for sign in signs) and form.search(text)
    )
    return next(found, None)


def _redacted(argv: Sequence[str]) -> Iterator[str]:
    secret_follows = False
    for word in argv:
        name, equals, _ = word.partition("=")
        is_option = word.startswith("-")
        if secret_follows and not is_option:
            yield MASK
        elif equals and is_option and _SECRET.search(name):
            yield f"{name}={MASK}"
        else:
            yield _redacted_word(word)
        secret_follows = is_option and not equals and bool(_SECRET.search(name))


@lru_cache(maxsize=1024)
def _redacted_word(word: str) -> str:
    """Jobs of a batch share most of their words."""
    return redact_text(word)


def _masked_lines(block: str) -> str:
    """Every line of a key block masked, behind the mark that a diff puts before it."""
    first, newline, rest = block.partition("\n")
    return (MASK if first.strip() else first) + newline + _KEY_LINE.sub(rf"\1{MASK}", rest)


def _masked_password(match: re.Match[str]) -> str:
    return match[0] if _PLACEHOLDER.fullmatch(match["password"]) else match["before"] + MASK


def _without_assigned(line: str, forms: Sequence[re.Pattern[str]]) -> str:
    for form in forms:
        line = form.sub(_masked_value, line)
    return line


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
    if name.lower().startswith("pass"):
        return False
    if name.lower() != "token":
        return " " in value
    has_both = any(char.isdigit() for char in value) and any(char.isalpha() for char in value)
    return len(value) < _SHORTEST_TOKEN or not has_both or " " in value
