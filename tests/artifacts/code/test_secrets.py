"""Secrets never reach a backup, and code that only speaks of them does."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from rla.artifacts.code import kinds as code_kinds
from rla.artifacts.code import secrets as code_secrets
from rla.artifacts.code.backup import BackupPlan, back_up_code
from rla.artifacts.code.listing import OWN_FILES
from rla.artifacts.code.secrets import CONFIG_SUFFIXES, CONTENT_RULES, NAME_RULES, secret_by_name, secret_in
from rla.core.layout import ARCHIVED, KINDS, STATE_DIR

PAGE = Path(__file__).parents[3] / "docs/reference/left-out.md"
HEAD = "-----BEGIN " + "{}PRIVATE KEY-----"  # in two pieces, or this file would be left out itself
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@pytest.mark.parametrize(
    "path",
    [
        *("id_rsa", ".ssh/config", "ID_ED25519", "cert.pem", "server.key", ".env", ".env.local", "prod.env", ".netrc"),
        *(
            ".pypirc",
            ".git-credentials",
            ".aws/credentials",
            "credentials.json",
            "client_secret_1.json",
            ".kube/config",
        ),
        *("my-service-account.json", "huggingface/token", ".config/gcloud/x.json", "secrets.yaml", "secrets.toml"),
        *("wandb/settings", ".npmrc", ".docker/config.json", "a/b/.htpasswd", "kaggle.json", ".pgpass"),
    ],
)
def test_a_secret_is_left_out_for_its_name(path):
    assert secret_by_name(f"home/me/{path}")


@pytest.mark.parametrize(
    "path",
    [
        "key.py",
        "keys.py",
        "environment.yml",
        "env.py",
        "token.py",
        "config.json",
        "settings",
        "monkey",
        "id_rsa.py",
        "gcloud/train.py",
    ],
)
def test_other_names_are_no_secrets(path):
    assert secret_by_name(f"project/{path}") == ""


@pytest.mark.parametrize(
    "text",
    [
        HEAD.format("") + "\nMIIEvQIBADANBg\n",
        HEAD.format("RSA ") + "\r\nProc-Type: 4,ENCRYPTED\r\n",
        HEAD.format("OPENSSH ") + "\nb3BlbnNzaC1rZXk\n",
        "key = '" + HEAD.format("EC ") + "\\nMHcCAQEE\\n'",
        'key = ("' + HEAD.format("") + '\\n"\n       "MIIEvQIBADANBg\\n")',
        "aws = 'AKIA" + "IOSFODNN7ABCDEFG'",
        "token = 'ghp_" + LETTERS[:36] + "'",
        "github_pat_" + LETTERS[:30],
        "login('hf_" + LETTERS[:34] + "')",
        "sk-" + LETTERS[:48],
        "sk-proj-" + LETTERS[:40] + "_-x",
        "xoxb-" + "1234567890-abcdef",
        "glpat-" + LETTERS[:20],
        "eyJ" + LETTERS[:20] + ".eyJ" + LETTERS[:20] + "." + LETTERS[:20],
        "AIza" + LETTERS[:35],
        "os.environ['WANDB_API_KEY'] = '" + "0123456789abcdef" * 2 + "01234567'",
        "npm_" + LETTERS[:36],
        "sk_live_" + LETTERS[:24],
        "pypi-AgE" + LETTERS,
    ],
)
def test_a_token_is_found_in_any_file(text):
    for name in ("train.py", "notebook.ipynb", "README.md"):
        assert secret_in(name, b"x = 1\n" + text.encode() + b"\ny = 2\n")
    assert secret_in("utf16.txt", text.encode("utf-16"))


@pytest.mark.parametrize(
    "text",
    [
        "password = input('password: ')",
        "PASSWORD = 'password'",
        f'if "{HEAD.format("")}" in text: raise ValueError("a private key")',
        f"PATTERN = '{HEAD.format('RSA ')}\\n'",
        "task-abcdefghijklmnopqrstuvwxyz0123456789",
        "hf_model_name_that_is_quite_long_indeed_yes",
        "risk-sk-learn-abcdefghijklmnopqrstuvwxyz",
        "url = 'postgresql://user:pass@localhost/test'",
        "commit = '0123456789abcdef0123456789abcdef01234567'",
        "ghp_short",
        "base64 = 'eyJhbGciOiJIUzI1NiJ9'",
    ],
)
def test_code_that_mentions_secrets_is_kept(text):
    assert secret_in("train.py", text.encode()) == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rla_config.yaml", "REMOTE_SETTING:\n  password: 'hunter2'\n"),
        ("rla_config.yaml", "REMOTE_SETTING: {username: me, password: hunter2}\n"),
        ("rla_config.yaml", "INDEX_URL: postgresql://me:hunter2@host/rla\n"),
        ("rla_config.yaml", "INDEX_URL: postgresql://host/rla?user=me&password=hunter2\n"),
        ("a.json", '{"user": "me", "password": "hunter2"}'),
        ("a.ini", "[db]\npassword = 123456\n"),
        ("a.toml", 'db_password = "x y z"'),
        ("a.yml", "api_key: abcdefgh12345\n"),
        ("a.yml", "- secret: abcdefgh12345\n"),
        ("a.yaml", "password: |\n  hunter2\n"),
        ("a.cfg", "auth_token=abcdefgh12345"),
    ],
)
def test_a_literal_password_in_a_configuration_is_found(name, text):
    assert secret_in(name, text.encode())
    assert secret_in(name, text.encode("utf-16"))
    assert secret_in("same.py", text.encode()) == ""


@pytest.mark.parametrize(
    "text",
    [
        "password:\n",
        "password: ''\n",
        "password: null  # from the environment\n",
        "password: ${PASSWORD}\n",
        "password: <yours>\n",
        "password: '***'\n",
        "password_env: FTP_PASSWORD\npassword_file: ~/.ftp\n",
        "pad_token: '[PAD]'\nmax_tokens: 4096\ntokenizer: bert\n",
        "secret: false\n",
        "api_key: none\n",
        "INDEX_URL: postgresql://me@host/rla\n",
        "INDEX_URL: postgresql://me:${PASSWORD}@host/rla\n",
        "url: https://host/a:b@c\n",
        "# password: hunter2\n",
    ],
)
def test_a_configuration_without_a_literal_is_kept(text):
    assert secret_in("a.yaml", text.encode()) == ""


def test_the_example_configuration_is_kept():
    file = Path(__file__).parents[3] / "rla_config.example.yaml"
    assert secret_in(file.name, file.read_bytes()) == ""


@pytest.mark.parametrize(
    "data",
    [
        b"a" * 2**20,
        b" " * 2**20,
        b"a," * 2**19,
        b"sk-proj" * 2**17,
        b"eyJ" * 2**18,
        b"wandb" * 2**17,
        b"password" * 2**17,
        b"a://b:" * 2**17,
        b"-----BEGIN A " * 2**16,
        b'"' * 2**20,
    ],
)
def test_no_content_takes_long_to_judge(data):
    before = time.process_time()
    secret_in("a.yaml", data)
    assert time.process_time() - before < 5


def test_no_byte_of_a_secret_reaches_the_backup_or_the_store(tmp_path):
    canary = "CANARY" + "7f3a"
    project = tmp_path / "project"
    files = {
        ".env": f"KEY={canary}",
        "rla_config.yaml": f"REMOTE_SETTING:\n  password: {canary}\n",
        "conf/db.yaml": f"INDEX_URL: postgresql://me:{canary}@host/rla\n",
        "deploy/id_rsa": canary,
        "keys.py": f"KEY = 'ghp_{canary}{LETTERS[:36]}'\n",
        "train.py": "print()\n",
    }
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    for number in range(2):
        target = tmp_path / "data/code" / str(number)
        target.mkdir(parents=True)
        report = back_up_code(BackupPlan(project, (".",)), target, tmp_path / "data/.rla/code-store")
        assert [path for path, _ in report.left_out] == sorted(set(files) - {"train.py"})
    for path in (tmp_path / "data").rglob("*"):
        assert not path.is_file() or canary.encode() not in path.read_bytes()


def test_a_verdict_is_remembered_with_the_content(tmp_path, monkeypatch):
    project, asked = tmp_path / "project", []
    project.mkdir()
    (project / "a.py").write_text("a")
    real = code_secrets.secret_in
    monkeypatch.setattr(
        "rla.artifacts.code.backup.secret_in", lambda path, data: asked.append(path) or real(path, data)
    )
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        (project / "a.py").touch()  # read again, for its new mtime
        back_up_code(BackupPlan(project, (".",)), tmp_path / str(number), tmp_path / "store")
    assert len(asked) == 1


def words_of_the_page() -> set[str]:
    return set(re.findall(r"`([^`]+)`", PAGE.read_text(encoding="utf-8")))


def test_the_page_lists_every_rule():
    text, words = PAGE.read_text(encoding="utf-8"), words_of_the_page()
    for rule in NAME_RULES:
        assert rule.reason in text
        assert set(rule.patterns) <= words
    for reason in (*(rule.reason for rule in CONTENT_RULES), code_secrets.LITERAL_REASON, code_secrets.URL_REASON):
        assert reason in text
    assert words >= CONFIG_SUFFIXES
    assert words >= code_kinds.SOURCE_SUFFIXES | code_kinds.CLUTTER | code_kinds.ENVIRONMENT_MARKS | OWN_FILES
    assert {name.lower() for name in words} >= code_kinds.SOURCE_NAMES
    assert words >= {STATE_DIR, ARCHIVED, *KINDS}


def test_the_page_lists_every_reason_that_a_report_gives():
    text = PAGE.read_text(encoding="utf-8")
    sources = "".join(
        (Path(code_secrets.__file__).with_name(f"{name}.py")).read_text(encoding="utf-8") for name in ("backup", "find")
    )
    reasons = re.findall(
        r'_LeftOutError\(f?"([^{"]+)|self\._leave_out\([^,]+, f?"([^{"]+)|left_out\.append\(\(place, f"([^{"]+)',
        sources,
    )
    reasons += re.findall(r'return f?"(is [^{"]+)|reason = f"([^{"]+)', sources)
    flat = {reason.strip(" :") for found in reasons for reason in found if reason.strip(" :")}
    assert len(flat) >= 10
    assert {reason for reason in flat if reason not in text} == set()
