"""A job that carries -m is told of, and so is the end of its batch."""

from __future__ import annotations

from tests.notify import test_notify

server = test_notify.server


def test_each_job_with_m_sends_one_message_and_the_batch_one_at_its_end(repository, hermes, server, monkeypatch):
    monkeypatch.setenv("RLA_NOTIFY_URLS", f"{server.url}/hook")
    repository.hermes_file("[[python, say.py, 1],[-m]]", "[[python, say.py, --exit=3],[-m]]", "[[python, say.py],[]]")
    assert hermes("-n", "b").code == 4
    texts = [content["text"] for _, content in server.heard]
    assert len(texts) == 3
    assert "finished" in texts[0]
    assert texts[1].endswith("say.py --exit=3\nexit code 3")
    assert texts[2].startswith("batch b: 1 failed, 2 finished")


def test_no_job_sees_where_messages_go(repository, hermes, server, monkeypatch):
    monkeypatch.setenv("RLA_NOTIFY_URLS", f"{server.url}/hook")
    monkeypatch.setenv("RLA_TELEGRAM_TOKEN", "secret")
    repository.script("environment.py", "import os; print(sorted(name for name in os.environ if 'RLA_' in name))")
    repository.hermes_file("[[python, environment.py],[]]")
    assert hermes().code == 0
    (directory,) = repository.directories()
    seen = (directory / "stdout.log").read_text()
    assert "RLA_RUN_ID" in seen
    assert "NOTIFY" not in seen
    assert "TOKEN" not in seen
    assert server.heard == []


def test_chats_without_a_token_are_known_before_anything_starts(repository, hermes):
    (repository.path / ".hermes_settings").write_text("chat_id:7\n")
    repository.hermes_file("[[python, say.py],[-m]]")
    done = hermes()
    assert (done.code, "RLA_TELEGRAM_TOKEN" in done.err) == (1, True)
    assert not repository.directories()
