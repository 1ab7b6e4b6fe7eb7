"""What is masked, and what is not."""

from __future__ import annotations

import doctest
import random
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.core import redact
from rla.core.redact import MASK, looks_secret, redact_argv, redact_text, shown_address

LETTERS = string.ascii_letters + string.digits


def noise(length: int, alphabet: str = LETTERS) -> str:
    """Text like that of a token; put together here, so that no scanner takes this file for a leak."""
    return "".join(random.Random(length).choices(alphabet, k=length - 2)) + "a1"


TOKENS = {
    "an AWS access key": "AKIA" + noise(16, string.ascii_uppercase).upper(),
    "a GitHub token": "ghp_" + noise(36),
    "a GitLab token": "glpat-" + noise(20),
    "a Hugging Face token": "hf_" + noise(34),
    "an OpenAI or Anthropic key": "sk-proj-" + noise(40),
    "a Slack token": "xoxb-" + noise(24),
    "a Google key": "AIza" + noise(35),
    "a Stripe key": "sk_live_" + noise(24),
    "a package index token": "npm_" + noise(36),
    "a Weights & Biases key": "wandb_v1_" + noise(40),
    "a signed web token": f"eyJ{noise(20)}.eyJ{noise(40)}.{noise(43)}",
}
KEY_BODY = "\n".join(noise(64) for _ in range(3))
PRIVATE_KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{KEY_BODY}\n-----END RSA PRIVATE KEY-----\n"

HARMLESS = [
    'token = "<eos>"',
    'pad_token: str = "[PAD]"',
    "num_tokens = 512",
    "max_token: 4096",
    "password: str",
    "password: null",
    "password: ${DB_PASSWORD}",
    "api_key: <your key here>",
    'password = os.environ["DB_PASSWORD"]',
    'password = ""',
    'url = f"postgresql://{user}:{password}@{host}/db"',
    "https://example.com:8080/a",
    "git@example.com:a/b.git",
    "class sk-toggleable__label-arrow sk-estimator-doc-link",
    "task-proj-something-with-a-long-name-in-it",
    "secretary = 12",
    'secret = "what nobody is told"',
    "the key: value pairs of a token stream",
    "for key, token in zip(keys, tokens): print(key)",
]


def test_the_examples_in_the_docstrings_are_true():
    assert doctest.testmod(redact).failed == 0


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_is_known_by_its_form_and_masked_wherever_it_stands(kind):
    token = TOKENS[kind]
    text = f"before ({token}) after"
    assert looks_secret(text) == kind
    assert redact_text(text) == f"before ({MASK}) after"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_resembles_a_secret_stays(text):
    assert redact_text(text) == text
    assert looks_secret(text) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password: hunter2", "password: ***"),
        ("password: hunter2  # mine", "password: ***  # mine"),
        ("  db_password = hunter2", "  db_password = ***"),
        ("+password: hunter2", "+password: ***"),
        ("@@ -1,2 +1,2 @@ password: hunter2", "@@ -1,2 +1,2 @@ password: ***"),
        ("export API_KEY=abcdef", "export API_KEY=***"),
        ("- token: abcdef123", "- token: ***"),
        ("//npm.example.com/:_authToken=abcdef123", "//npm.example.com/:_authToken=***"),
        ("API_KEY=abcdef python train.py", "API_KEY=*** python train.py"),
        ("rla push --password hunter2 last", "rla push --password *** last"),
        ('password = "hunter2"', 'password = "***"'),
        ("login(user, password='a b c')", "login(user, password='***')"),
        ('{"password": "hunter2", "user": "me"}', '{"password": "***", "user": "me"}'),
        ('password: str = "hunter2"', 'password: str = "***"'),
        ('os.environ["API_KEY"] = "abcdef"', 'os.environ["API_KEY"] = "***"'),
        ('if password == "hunter2":', 'if password == "***":'),
        ("db://me:hunter2@host/x", "db://me:***@host/x"),
        ("db://me:p@ss@host/x", "db://me:***@host/x"),
        ("https://host/x?private_token=abcdef123&y=1", "https://host/x?private_token=***&y=1"),
        ("AccountName=a;AccountKey=abc/def==;Suffix=b", "AccountName=a;AccountKey=***;Suffix=b"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer ***"),
    ],
)
def test_an_assigned_secret_is_masked(text, shown):
    assert redact_text(text) == shown


@pytest.mark.parametrize("text", ["password = config.password", "password=getpass2", "token: Token1234"])
def test_in_a_source_file_a_bare_value_is_an_expression(text):
    assert redact_text(text, "train.py") == text


def test_in_a_source_file_a_quoted_password_is_masked():
    assert redact_text('password = "hunter2"', "train.py") == 'password = "***"'


def test_a_private_key_is_masked_line_by_line_so_that_a_diff_stays_one():
    diff = "".join(f"+{line}\n" for line in PRIVATE_KEY.splitlines())
    shown = redact_text(diff)
    assert shown.count("\n") == diff.count("\n")
    assert all(line.startswith("+") for line in shown.splitlines())
    assert not any(line in shown for line in KEY_BODY.splitlines())
    assert looks_secret(diff) == "a private key"


def test_a_private_key_on_one_line_is_masked_and_the_rest_stays():
    shown = redact_text(PRIVATE_KEY.replace("\n", "\\n") + "\nlr = 1\n")
    assert KEY_BODY[:64] not in shown
    assert shown.endswith("\nlr = 1\n")


def test_a_key_that_breaks_off_masks_its_hunk_only():
    shown = redact_text("+-----BEGIN PRIVATE KEY-----\n+abcdef\n@@ -9 +9 @@\n+lr = 1\n")
    assert shown == "+-----BEGIN PRIVATE KEY-----\n+***\n@@ -9 +9 @@\n+lr = 1\n"


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["--lr=1", "--seed", "3"], ["--lr=1", "--seed", "3"]),
        (["--password", "p", "x"], ["--password", "***", "x"]),
        (["--wandb-api-key=k"], ["--wandb-api-key=***"]),
        (["wandb.api_key=abcdef"], ["wandb.api_key=***"]),
        (["model.eos_token=2"], ["model.eos_token=2"]),
        ([TOKENS["a GitHub token"]], ["***"]),
        (["--url", "https://me:p@host/"], ["--url", "https://me:***@host/"]),
        (["--password"], ["--password"]),
    ],
)
def test_argv_keeps_all_but_its_secrets(argv, shown):
    assert redact_argv(["train.py", *argv]) == ["train.py", *shown]


def test_an_address_of_a_repository_loses_user_password_and_query():
    assert shown_address("git+https://me:p@ss@example.com/a?b#c") == "git+https://example.com/a"


@given(st.text(alphabet="ab:=\"'+-@ \n\t/?&;#[]{}<>$%passwordtokenkeysecret0123456789", max_size=300))
def test_any_text_keeps_its_lines_and_is_not_masked_any_further_the_second_time(text):
    shown = redact_text(text)
    assert shown.count("\n") == text.count("\n")
    assert redact_text(redact_text(shown)) == redact_text(shown)


@given(st.lists(st.text(max_size=30), max_size=8))
def test_argv_keeps_its_length(argv):
    assert len(redact_argv(argv)) == len(argv)


@pytest.mark.parametrize(
    "unit",
    [
        *("a", "x_", " ", "\n", '"', "--", "password", "password:", "token: x = ", "://a:", "eyJ-"),
        *("eyJaaaaaaaaaa.eyJ", "-----BEGIN PRIVATE KEY-----", "Bearer ", "\n- ", "?a", "sk-", "password \n", "@", "$"),
    ],
)
def test_no_text_takes_long(unit):
    text = (unit * 60_000)[:60_000]
    began = time.process_time()
    redact_text(text)
    assert time.process_time() - began < 5.0
