"""Index names: readable, legal everywhere, and read back."""

import re
from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rla.core.index_name import MAX_NAME_BYTES, IndexName, file_safe, parse_directory_name, task_directory

TIMES = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2999, 1, 1))
FORMS = st.sampled_from(["space", "underscore"])
TEXT = st.text(st.characters(), max_size=300)
NOON = datetime(2026, 11, 20, 12, 0, 0, 5)
EMOJI = "\N{ROCKET}" * 300
DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def is_legal(name):
    """What Windows, macOS and Linux all take as one level of a path."""
    base = name.split(".")[0].rstrip(" ")
    return (
        0 < len(name.encode()) <= MAX_NAME_BYTES
        and not re.search(r'[<>:"/\\|?*\x00-\x1f]', name)
        and name[-1] not in ". "
        and not DEVICE.fullmatch(base)
    )


@given(TIMES, st.ip_addresses(v=4).map(str), st.text("abcXYZ019._-=& {}+~,", max_size=70), FORMS)
def test_a_name_in_which_nothing_was_replaced_is_read_back(created, ip, tracked, form):
    name = IndexName(created, ip, tracked.rstrip(". "))
    assert parse_directory_name(name.day, name.directory_name(form)) == name


@given(TIMES, TEXT, TEXT, FORMS)
@example(NOON, "192.0.2.7", "a=\0\n", "space")
@example(NOON, "192.0.2.7", f"a={EMOJI}", "space")
@example(NOON, "192.0.2.7", "path=../../x...", "underscore")
@example(NOON, "fe80::1", "a=\ud800", "underscore")
@example(NOON, EMOJI, "a=1", "space")
def test_any_name_is_legal_and_short_and_a_runs(created, ip, tracked, form):
    name = IndexName(created, ip, tracked)
    directory = name.directory_name(form)
    assert is_legal(directory)
    parsed = parse_directory_name(name.day, directory)
    assert parsed is not None
    assert parsed.created == created


@given(TIMES, TEXT, FORMS)
def test_a_name_that_was_made_safe_stays_as_it_is(created, tracked, form):
    once = IndexName(created, "192.0.2.7", tracked).directory_name(form)
    parsed = parse_directory_name(created.strftime("%Y/%m/%d"), once)
    assert parsed.directory_name(form) == once


def test_the_two_forms_are_those_of_the_seed_and_of_the_fork():
    name = IndexName(NOON, "192.0.2.7", "env_id=Hopper-v4&lr=0.001")
    assert name.directory_name() == "12-00-00-000005 192.0.2.7 &env_id=Hopper-v4&lr=0.001"
    assert name.directory_name("underscore") == "12-00-00-000005_192.0.2.7_&env_id=Hopper-v4&lr=0.001"
    assert name.place("demo_task") == f"demo_task/2026/11/20/{name.directory_name()}"
    assert name.stamp == "2026/11/20/12-00-00-000005"


@pytest.mark.parametrize(
    ("ip", "written"), [("fe80::1%eth_0", "fe80--1%eth-0"), ("my host", "my-host"), ("", "noip"), ("x" * 300, "x" * 60)]
)
def test_an_address_is_one_word(ip, written):
    name = IndexName(NOON, ip, "a=1")
    for form in ("space", "underscore"):
        assert parse_directory_name(name.day, name.directory_name(form)).ip == written


def test_brackets_and_slashes_in_values_become_what_the_seed_made_of_them():
    assert file_safe("layers=[64, 64]&path=a/b") == "layers={64, 64}&path=a_b"


def test_names_that_were_cut_differ_where_their_values_did():
    names = {IndexName(NOON, "ip", "a" * 200 + end).directory_name() for end in "xyz"}
    assert len(names) == 3
    assert all(re.fullmatch(r".*~[0-9a-f]{8}", name) for name in names)


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2026/11/20", "12-00-00-000005"),
        ("2026/11/20", "12-00-00-000005 ip_&a=1"),
        ("2026/11/20", "25-00-00-000005 ip &a=1"),
        ("2026/13/20", "12-00-00-000005 ip &a=1"),
        ("notes", "12-00-00-000005 ip &a=1"),
        ("2026/11/20", ".DS_Store"),
    ],
)
def test_what_is_no_runs_directory_is_none(day, name):
    assert parse_directory_name(day, name) is None


# ---- tasks

ODD = ["CON", "con.txt", "nul .x", "../../x", "", ".", ".."]
TASKS = TEXT | st.text("aA./~_:\\ 0f", max_size=12) | st.sampled_from(ODD)


@given(TASKS)
@example("COM\u00b9")
@example(EMOJI)
def test_the_directory_of_any_task_is_legal(task):
    assert is_legal(task_directory(task))
    assert not task_directory(task).startswith(".")


@given(st.lists(TASKS, unique=True, max_size=10))
def test_two_tasks_never_share_a_directory(tasks):
    assert len({task_directory(task) for task in tasks}) == len(tasks)


@pytest.mark.parametrize("task", ["a/b", "CON", "", "x" * 200, "a."])
def test_a_task_named_as_the_directory_of_another_gets_its_own(task):
    assert task_directory(task_directory(task)) != task_directory(task)


@pytest.mark.parametrize("task", ["demo_task", "sac on Hopper", "été", "a.b", "x" * 120])
def test_a_task_whose_name_is_safe_keeps_it(task):
    assert task_directory(task) == task
