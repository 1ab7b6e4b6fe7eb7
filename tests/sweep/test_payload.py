"""A call, as it travels to a process of its own, and what comes back."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import rla.sweep.entrypoint
from rla.errors import GridError
from rla.sweep.payload import write_payload
from rla.sweep.thunk import Call

ENTRYPOINT = Path(rla.sweep.entrypoint.__file__)


@pytest.fixture
def called(tmp_path):
    """Call something in a fresh process; gives the process and what was written down of the value."""

    def run(function, environment=None, **arguments):
        payload, result = tmp_path / "payload", tmp_path / "result"
        for file in (payload, result):
            file.unlink(missing_ok=True)
        write_payload(payload, Call(function, arguments, environment))
        done = subprocess.run(
            [sys.executable, "-P", ENTRYPOINT, payload, result],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        return done, json.loads(result.read_text(encoding="utf-8")) if result.exists() else "no result"

    return run


def test_a_local_function_is_called_with_its_arguments(called):
    outside = 40

    def add(value):
        return outside + value

    assert called(add, value=2)[1] == 42


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (1.5, 1.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        ({"a": 1, "b": np.float64(2.0), "c": "text"}, {"a": 1, "b": 2.0}),
        ("text", None),
        (object, None),
    ],
)
def test_numbers_that_are_returned_are_kept(called, value, kept):
    done, found = called(lambda value: value, value=value)
    assert done.returncode == 0, done.stderr
    assert found == kept


def test_a_function_of_a_module_is_called_by_its_name_without_pickle(called, tmp_path, monkeypatch):
    (tmp_path / "sibling_of_mine.py").write_text("import sys\ndef loaded(a): return 'pickle' in sys.modules\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import sibling_of_mine

    assert called(sibling_of_mine.loaded, a=[1, {"b": (2.0, None)}])[1] is False


def test_the_process_has_the_callers_path_arguments_and_directory(called, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, "/nowhere/else"])
    monkeypatch.setattr(sys, "argv", ["mine.py", "--flag"])

    def look():
        import sys

        print(json.dumps([sys.path, sys.argv, os.getcwd()]))

    done, _ = called(look)
    path, argv, directory = json.loads(done.stdout)
    assert path == [entry or os.getcwd() for entry in sys.path]
    assert argv == ["mine.py", "--flag"]
    assert directory == str(tmp_path)


def test_env_fn_makes_the_environment(called):
    def spaces(env_fn):
        one, other = env_fn(), env_fn()
        assert one is not other
        return int(one.action_space.n)

    assert called(spaces, environment=("CartPole-v1", {}))[1] == 2


def test_a_function_that_ends_its_process_has_not_returned(called):
    done, found = called(lambda: sys.exit(0))
    assert (done.returncode, found) == (1, "no result")
    assert "ended the process by sys.exit before it returned" in done.stderr


def test_an_exit_code_is_kept(called):
    assert called(lambda: sys.exit(3))[0].returncode == 3


def test_an_exception_is_shown_and_has_exit_code_1(called):
    done, found = called(lambda: 1 / 0)
    assert (done.returncode, found) == (1, "no result")
    assert "ZeroDivisionError" in done.stderr


def test_a_forked_child_that_comes_back_writes_nothing(called):
    def forks():
        if os.fork() == 0:
            return 1
        os.wait()
        return 2

    done, found = called(forks)
    assert (done.returncode, found) == (0, 2)


def test_ten_megabytes_of_arguments_arrive(called):
    large = np.arange(1_300_000, dtype=np.float64)
    assert called(lambda large, text: float(large.sum()) + len(text), large=large, text="x" * 10**7)[
        1
    ] == pytest.approx(float(large.sum()) + 1e7)


def test_a_value_inside_itself_arrives(called):
    cyclic = [1]
    cyclic.append(cyclic)
    assert called(lambda value: int(value[1][1] is value), value=cyclic)[1] == 1


def test_only_the_user_can_read_a_payload_and_nobody_puts_one_there_before(tmp_path):
    file = tmp_path / "payload"
    write_payload(file, Call(print, {}))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_payload(file, Call(print, {}))


def test_what_cannot_be_sent_is_named(tmp_path):
    lock = threading.Lock()
    with (tmp_path / "open").open("w") as file, pytest.raises(GridError, match=r"parameter 'file' cannot be copied"):
        write_payload(tmp_path / "payload", Call(lambda file: file, {"file": file}))

    def train():
        return lock

    with pytest.raises(
        GridError, match=r"train cannot be sent .* 'lock', which it uses from outside, .*make it inside"
    ):
        write_payload(tmp_path / "payload", Call(train, {}))
    assert not (tmp_path / "payload").exists()


class Refuses:
    def __reduce__(self):
        raise RuntimeError("I stay here")


def test_an_object_that_refuses_to_be_copied_is_named(tmp_path):
    with pytest.raises(GridError, match=r"parameter 'it' cannot be copied \(I stay here\)"):
        write_payload(tmp_path / "payload", Call(lambda it: it, {"it": Refuses()}))


def test_a_deep_value_is_refused_with_its_name(tmp_path):
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(GridError, match="parameter 'deep'"):
        write_payload(tmp_path / "payload", Call(lambda deep: deep, {"deep": deep}))


WITHOUT_CLOUDPICKLE = """
import sys
sys.modules["cloudpickle"] = None
from rla.errors import MissingDependencyError
from rla.sweep import ExperimentGrid
from beside import train

def own(lr):
    return lr

grid = ExperimentGrid("g")
grid.add("lr", [1, 2])
grid.add("kind", [dict], in_name=True)
assert grid.run(train, quiet=True).counts == {"finished": 2}
grid = ExperimentGrid("h")
grid.add("lr", [1])
try:
    grid.run(own, quiet=True)
except MissingDependencyError as error:
    assert 'pip install "rla[sweep]"' in str(error), error
else:
    raise SystemExit("it did not say so")
"""


def test_without_cloudpickle_functions_of_modules_run_and_for_others_the_extra_is_named(tmp_path):
    (tmp_path / "beside.py").write_text("def train(lr, kind): return len(kind()) + lr\n")
    (tmp_path / "script.py").write_text(WITHOUT_CLOUDPICKLE)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
