"""What a code backup leaves out because it is, or holds, a secret.

Names are judged first: a file whose name says that it is a secret is not even opened. Of the rest
the content is judged. Tokens and keys of a known shape count in every file. A setting such as a
password with a literal value counts in configuration files only, because programs talk of
passwords without holding any. docs/reference/left-out.md lists each rule; a test keeps it so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate
from pathlib import PurePosixPath
from typing import Final

RULES_VERSION: Final = 1
"""Changes whenever a rule does, so that no older verdict is used again."""


@dataclass(frozen=True)
class NameRule:
    """Files that are left out for their name.

    Attributes:
        patterns: Shell patterns of a name, or of the end of a path; case does not matter.
        reason: What such a file is.
    """

    patterns: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class ContentRule:
    """Files that are left out for what they hold.

    Attributes:
        marks: One of these bytes stands in whatever the pattern finds; looking for them is fast.
        pattern: What is looked for.
        reason: What it is.
    """

    marks: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    reason: str


NAME_RULES: Final = (
    NameRule(("id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"), "is a private key of ssh"),
    NameRule(
        ("*.pem", "*.key", "*.ppk", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx"),
        "may be a private key",
    ),
    NameRule((".ssh/*", ".gnupg/*"), "belongs to ssh or gpg"),
    NameRule((".env*", "*.env"), "sets secret variables"),
    NameRule((".netrc", "_netrc", ".git-credentials", ".pypirc", ".npmrc"), "holds a login"),
    NameRule((".pgpass", ".my.cnf", ".htpasswd", ".vault-token", ".dockercfg", ".docker/config.json"), "holds a login"),
    NameRule(
        ("credentials", "credentials.json", "credentials.y*ml", "credentials.toml", "client_secret*.json"),
        "holds credentials",
    ),
    NameRule((".aws/config", ".config/gcloud/*", "application_default_credentials.json"), "holds credentials"),
    NameRule(("*service*account*.json", "kubeconfig", "*.kubeconfig", ".kube/config"), "holds credentials"),
    NameRule(("secrets.json", "secrets.y*ml", "secrets.toml", "secrets.ini"), "holds secrets"),
    NameRule(("huggingface/token", ".huggingface/token", "huggingface/stored_tokens"), "holds a Hugging Face token"),
    NameRule(("wandb/settings", "kaggle.json", ".comet.config"), "holds a service's token"),
)

CONTENT_RULES: Final = (
    ContentRule(
        (b"PRIVATE KEY",),
        re.compile(
            rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
            rb"[\"'\s+]*(?:\n|\\n)(?:[\"'\s+]|\\[nr])*"
            rb"(?:[A-Za-z0-9+/=]{3,}(?=\s|\\|[\"'-]|$)|[A-Z][A-Za-z-]+: )"
        ),
        "holds a private key",
    ),
    ContentRule(
        (b"AKIA", b"ASIA"),
        re.compile(rb"(?<![A-Za-z0-9])A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])"),
        "holds an AWS access key",
    ),
    ContentRule(
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
        re.compile(rb"(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})"),
        "holds a GitHub token",
    ),
    ContentRule((b"glpat-",), re.compile(rb"(?<![\w-])glpat-[\w-]{20,}"), "holds a GitLab token"),
    ContentRule((b"hf_",), re.compile(rb"(?<![A-Za-z0-9_])hf_[A-Za-z0-9]{30,}(?![\w])"), "holds a Hugging Face token"),
    ContentRule(
        (b"sk-",),
        re.compile(rb"(?<![\w-])sk-(?:(?:proj|svcacct|admin|ant|or)-[\w-]{20,}|[A-Za-z0-9]{20,}(?![\w-]))"),
        "holds a key of a model service",
    ),
    ContentRule((b"xox",), re.compile(rb"(?<![\w-])xox[abeoprs]-[A-Za-z0-9-]{10,}"), "holds a Slack token"),
    ContentRule((b"AIza",), re.compile(rb"(?<![\w-])AIza[\w-]{35}(?![\w-])"), "holds a Google API key"),
    ContentRule((b"sk_live_", b"rk_live_"), re.compile(rb"(?<!\w)[rs]k_live_\w{16,}"), "holds a Stripe key"),
    ContentRule((b"pypi-AgE",), re.compile(rb"(?<![\w-])pypi-AgE[\w-]{50,}"), "holds a PyPI token"),
    ContentRule((b"npm_",), re.compile(rb"(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)"), "holds an npm token"),
    ContentRule(
        (b"wandb", b"WANDB"),
        re.compile(rb"(?i)wandb[^\n]{0,60}?[\"'=: ][0-9a-f]{40}(?![0-9a-z])"),
        "holds a Weights & Biases key",
    ),
    ContentRule(
        (b"eyJ",),
        re.compile(rb"(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
        "holds a JSON web token",
    ),
)

CONFIG_SUFFIXES: Final = frozenset(
    (".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".conf", ".properties", ".gin", ".env")
)
"""Files in which a literal password is a password."""

LITERAL_REASON: Final = "holds a literal password or key"
URL_REASON: Final = "holds a password in a URL"

_NAMES: Final = tuple(
    (re.compile("|".join(translate(pattern) for pattern in rule.patterns)), rule.reason) for rule in NAME_RULES
)
_SETTING: Final = re.compile(
    rb"""(?im)(?:^|[{,])[ \t]*(?:-[ \t]+)?(?:export[ \t]+)?["']?[\w.-]*?"""
    rb"""(?:(?P<word>passwords?|passwd|passphrase|secret|pwd)|"""
    rb"""(?:api|secret|access|private|auth|encryption)[_-]?key|"""
    rb"""(?:api|auth|access|refresh|bearer|secret|bot|hf|wandb|github)[_-]?token)"""
    rb"""["']?[ \t]*[:=][ \t]*(?P<value>[^\n]*)"""
)
_PLACEHOLDER: Final = re.compile(
    rb"(?i)(?:null|none|nil|~|true|false|yes|no|on|off|\*+|x+|[$<%!\[{&].*|os\.environ.*|\?+)?"
)
_URL_PASSWORD: Final = re.compile(
    rb"""(?i)\w://[^/\s:@"']*:(?![$<{%*]|x+@)[^/\s@"']+@|\w://[^\s"']{0,300}?[?&]\w*password=(?![$<{%*])[^&\s"']+"""
)
_SHORTEST_KEY: Final = 8


def secret_by_name(path: str) -> str:
    """Why a file is left out for its name; empty if it is not.

    Args:
        path: The file's path with ``/``.

    >>> secret_by_name("home/me/.aws/credentials")
    'holds credentials'
    >>> secret_by_name("src/keys.py")
    ''
    """
    parts = path.lower().rsplit("/", 3)
    ends = ["/".join(parts[-count:]) for count in (1, 2, 3)]
    for pattern, reason in _NAMES:
        if any(map(pattern.match, ends)):
            return reason
    return ""


def secret_in(path: str, data: bytes) -> str:
    """Why a file is left out for what it holds; empty if it is not.

    >>> secret_in("db.yaml", b"password: hunter2")
    'holds a literal password or key'
    >>> secret_in("db.py", b"password = input()")
    ''
    """
    data = data.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")  # so that a text in UTF-16 hides nothing
    return _token_in(data) or (_literal_in(data) if is_config(path) else "")


def is_config(path: str) -> bool:
    """Whether a file is a configuration by its name."""
    return PurePosixPath(path).suffix.lower() in CONFIG_SUFFIXES


def _token_in(data: bytes) -> str:
    for rule in CONTENT_RULES:
        if any(mark in data for mark in rule.marks) and rule.pattern.search(data):
            return rule.reason
    return ""


def _literal_in(data: bytes) -> str:
    if any(_is_literal(found) for found in _SETTING.finditer(data)):
        return LITERAL_REASON
    return URL_REASON if b"://" in data and _URL_PASSWORD.search(data) else ""


def _is_literal(found: re.Match[bytes]) -> bool:
    """Whether a setting's value is the secret itself, not a gap or the name of a variable."""
    value = _value(found["value"])
    if _PLACEHOLDER.fullmatch(value):
        return False
    return bool(found["word"]) or len(value) >= _SHORTEST_KEY


def _value(rest: bytes) -> bytes:
    """The value at the beginning of the rest of a line, without quotes and comments."""
    rest = rest.strip()
    if rest[:1] in {b'"', b"'"}:
        return rest[1:].split(rest[:1], 1)[0]
    return re.split(rb"\s[#;]|[,}]", b" " + rest, maxsplit=1)[0].strip()
