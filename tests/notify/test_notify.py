"""Messages reach a real server, and secrets reach nobody else."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from rla.errors import ConfigError, MissingDependencyError
from rla.notify.notifier import Notifier
from rla.notify.secrets import targets

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise imports it


@pytest.fixture
def server():
    """A server that keeps what it is sent; ``/broken`` answers 500, ``/away`` redirects."""
    heard: list[tuple[str, dict]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.append((self.path, content))
            self.send_response({"/broken": 500, "/away": 302}.get(self.path, 200))
            self.send_header("Location", "/caught")
            self.end_headers()

        def log_message(self, *arguments) -> None:
            pass

    found = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True).start()
    found.heard = heard
    found.url = f"http://127.0.0.1:{found.server_port}"
    yield found
    found.shutdown()
    found.server_close()


def tell(environ: dict[str, str], *chats: str, text: str = "done") -> list[str]:
    notifier = Notifier(targets(chats, environ))
    notifier.tell(text)
    notifier.close(10)
    return notifier.troubles


@pytest.fixture(autouse=True)
def _no_files(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))


def test_a_webhook_gets_the_text_as_json(server, tmp_path):
    assert tell({"RLA_NOTIFY_URLS": f"{server.url}/hook", "HOME": str(tmp_path)}) == []
    assert server.heard == [("/hook", {"text": "done"})]


def test_telegram_gets_a_message_for_each_chat(server):
    assert tell({"RLA_TELEGRAM_TOKEN": "12:ab", "RLA_TELEGRAM_SERVER": server.url}, "7", "-8") == []
    assert server.heard == [("/bot12:ab/sendMessage", {"chat_id": chat, "text": "done"}) for chat in ("7", "-8")]


@pytest.mark.parametrize("path", ["broken", "away"])
def test_what_cannot_be_sent_is_told_without_the_address(server, path):
    (told,) = tell({"RLA_NOTIFY_URLS": f"{server.url}/{path}"})
    assert path not in told
    assert "127.0.0.1 answered" in told
    assert [where for where, _ in server.heard] == [f"/{path}"]


def test_a_server_that_is_not_there_holds_nothing_up():
    (told,) = tell({"RLA_NOTIFY_URLS": "http://127.0.0.1:9/secret"})
    assert told.startswith("1 message could not be sent: 127.0.0.1 could not be reached")
    assert "secret" not in told


def test_messages_that_fail_for_one_reason_are_told_in_one_line():
    notifier = Notifier(targets((), {"RLA_NOTIFY_URLS": "http://127.0.0.1:9/secret"}))
    for text in ("a", "b", "c"):
        notifier.tell(text)
    notifier.close(10)
    (told,) = notifier.troubles
    assert told.startswith("3 messages could not be sent: 127.0.0.1 could not be reached")


def test_a_token_comes_from_a_file_that_only_its_owner_reads(server, tmp_path):
    file = tmp_path / "conf/rla/telegram_token"
    file.parent.mkdir(parents=True)
    file.write_text("12:ab\n")
    file.chmod(0o644)
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "conf"), "RLA_TELEGRAM_SERVER": server.url}
    with pytest.raises(ConfigError, match="chmod 600") as caught:
        tell(environ, "7")
    assert "12:ab" not in str(caught.value)
    file.chmod(0o600)
    assert tell(environ, "7") == []


def test_chats_without_a_token_are_an_error_that_names_the_variable():
    with pytest.raises(ConfigError, match="RLA_TELEGRAM_TOKEN"):
        targets(["7"], {})


def test_apprise_sends_to_any_service_it_knows(server):
    assert tell({"RLA_NOTIFY_URLS": f"json://127.0.0.1:{server.server_port}/hook"}, text="3 of 4 done") == []
    assert [(path, content["message"]) for path, content in server.heard] == [("/hook", "3 of 4 done")]


def test_what_apprise_cannot_send_is_told_without_the_address(server):
    (told,) = tell({"RLA_NOTIFY_URLS": f"json://127.0.0.1:{server.server_port}/broken"})
    assert "json:// did not take the message" in told
    assert "broken" not in told


def test_a_service_that_apprise_does_not_know_is_an_error():
    with pytest.raises(ConfigError, match="knows no address"):
        targets([], {"RLA_NOTIFY_URLS": "nobody-has-such-a-service://a/b"})


def test_without_apprise_its_services_name_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingDependencyError, match=r"rla\[notify\]"):
        targets([], {"RLA_NOTIFY_URLS": "discord://a/b"})


def test_an_address_without_a_scheme_is_an_error():
    with pytest.raises(ConfigError, match="no ://"):
        targets([], {"RLA_NOTIFY_URLS": "example.org"})
