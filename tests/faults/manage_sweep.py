"""Strike a managing command at its system calls, one run of it each, and check what the next command makes of it.

Run as a process with crashpoint.so preloaded:

    manage_sweep.py DIRECTORY ACTION FAULT:LASTING:POINTS ...
    manage_sweep.py DIRECTORY ACTION FAULT:LASTING:POINTS MUTANT

FAULT is 0 for SIGKILL, a positive errno, or a negative signal. With LASTING 1 an error does not pass;
with 2 the recovery is killed, too. POINTS is how many calls are struck, evenly spread; 0 strikes each.
A mutant is first tried without a fault, and only until it is noticed. Prints one JSON object.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import signal
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rla.errors import RlaError
from rla.manage.recover import recover
from rla.runs.database import open_database
from tests.faults import manage_mutants
from tests.faults.manage_scenes import Scene, act, make_scene, violations
from tests.faults.manage_signals import strike_with

injector = ctypes.CDLL(None)
REFUSED, FAILED_SOME = 7, 8
IN_RECOVERY = 2
NEVER = 10**9


def arm(scene: Scene, nth: int, fault: int, lasting: int):
    """Let a fault strike at the nth call; returns what tells how many calls there were."""
    if fault < 0:
        return strike_with(-fault, nth)
    injector.crashpoint_arm(os.fsencode(scene.base), nth, fault, int(lasting == 1))
    return injector.crashpoint_count


def in_child(work) -> tuple[int, str]:
    """Do something in a fork; its wait status, and what it told."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        code = 1
        try:
            code = work(write)
        except KeyboardInterrupt:
            code = 130
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        told = file.read().decode()
    return os.waitpid(pid, 0)[1], told


def command(scene: Scene, nth: int, fault: int, lasting: int, mutant: str):
    def work(tell: int) -> int:
        if "/recovery:" not in mutant:
            manage_mutants.apply(mutant)
        open_database(scene.root)
        count = arm(scene, nth, fault, lasting)
        try:
            report = act(scene)
        except RlaError as error:
            code, text = REFUSED, str(error)
        else:
            code, text = (FAILED_SOME, str(report.failed)) if report.failed else (0, "")
        calls = count()
        if calls < nth or nth == 0:
            os.write(tell, f"n{calls} ".encode())
        if code == 0:
            os.write(tell, b"a")
        elif calls < nth:
            os.write(tell, f"error without a fault: {text}".encode())
        return code

    return work


def recovery(scene: Scene, nth: int):
    def work(_tell: int) -> int:
        injector.crashpoint_arm(os.fsencode(scene.base), nth, 0, 0)
        recover(open_database(scene.root))
        return 0

    return work


def checked(scene: Scene, told: str, killed: bool, number: int, mutant: str):
    def work(tell: int) -> int:
        if "/recovery:" in mutant:
            manage_mutants.apply(mutant)
        try:
            found = violations(scene, told, killed=killed, number=number)
        except BaseException:
            found = [traceback.format_exc()]
        os.write(tell, json.dumps(found).encode()[:60_000])
        return 0

    return work


def strike(template: Scene, nth: int, fault: int, lasting: int, mutant: str) -> list[str]:
    """One command with one fault, the next command, and what is wrong then."""
    scene = template.copy(template.base.with_name(f"point-{nth}"))
    status, told = in_child(command(scene, nth, fault, lasting, mutant))
    killed = os.WIFSIGNALED(status)
    if lasting == IN_RECOVERY:
        in_child(recovery(scene, random.Random(nth).randrange(1, 40)))
    found = json.loads(in_child(checked(scene, told, killed, nth, mutant))[1])
    if not killed and os.waitstatus_to_exitcode(status) == 1:
        found.append("an error reached the user as a traceback")
    if "error without" in told:
        found.append(told)
    shutil.rmtree(scene.base, ignore_errors=True)
    return found


def count_calls(template: Scene, fault: int) -> int:
    scene = template.copy(template.base.with_name("count"))
    _, told = in_child(command(scene, 0, fault, 0, ""))
    shutil.rmtree(scene.base, ignore_errors=True)
    return int(told.split()[0][1:])


def sweep(template: Scene, fault: int, lasting: int, points: int) -> dict:
    calls = count_calls(template, fault)
    step = max(1.0, calls / points) if points else 1.0
    numbers = sorted({1 + int(step * index + step * 0.5) % calls for index in range(int(calls / step))})
    found = [[nth, text] for nth in numbers for text in strike(template, nth, fault, lasting, "")]
    return {"calls": calls, "points": len(numbers), "violations": forgiven(found) if fault > 0 else found}


def forgiven(found: list[list]) -> list[list]:
    """An error that strikes the removal of an empty directory leaves that one; no second try is made."""
    empty = [each for each in found if "empty directory" in each[1] and "in the end" not in each[1]]
    alone = {nth for nth, _ in empty if sum(nth == other for other, _ in empty) == 1}
    return [each for each in found if each[0] not in alone or "empty directory" not in each[1]]


def first_sign_of(template: Scene, mutant: str, fault: int, lasting: int) -> dict:
    calls = count_calls(template, fault)
    far_apart = sorted(range(1, calls + 1), key=lambda nth: f"{nth:012b}"[::-1])
    for nth in (NEVER, *far_apart):
        found = [[nth, text] for text in strike(template, nth, fault, lasting, mutant)]
        if found := forgiven(found) if fault > 0 else found:
            return {"calls": calls, "at": nth, "violations": found}
    return {"calls": calls, "violations": []}


def main() -> None:
    directory, action = Path(sys.argv[1]), sys.argv[2]
    mutant = sys.argv[4] if len(sys.argv) == 5 and "/" in sys.argv[4] else ""
    faults = [tuple(map(int, text.split(":"))) for text in (sys.argv[3:4] if mutant else sys.argv[3:])]
    status, _ = in_child(lambda _tell: make_and_say(action, directory))
    assert status == 0
    template = load(action, directory)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if mutant:
        print(json.dumps(first_sign_of(template, mutant, *faults[0][:2])))
    else:
        print(json.dumps([sweep(template, *fault) for fault in faults]))


def make_and_say(action: str, directory: Path) -> int:
    scene = make_scene(action, directory / "template")
    facts = {"targets": scene.targets, "bystander": scene.bystander, "files": scene.files}
    (directory / "template.json").write_text(json.dumps(facts))
    return 0


def load(action: str, directory: Path) -> Scene:
    facts = json.loads((directory / "template.json").read_text())
    return Scene(action, directory / "template", facts["targets"], facts["bystander"], facts["files"])


if __name__ == "__main__":
    main()
