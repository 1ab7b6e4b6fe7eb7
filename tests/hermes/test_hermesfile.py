"""The grammar of the hermes file, and what is said of a file that does not follow it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.errors import HermesFileError
from rla.hermes.directives import expanded
from rla.hermes.hermesfile import read_hermes_file
from rla.hermes.job_line import JobLine, parse_job_line
from rla.hermes.settings import Settings
from rla.hermes.source import Line
from rla.hermes.words import Word
from tests.hermes.conftest import SEED, jobs_in


@pytest.fixture
def read(tmp_path):
    def run(text: str):
        file = tmp_path / "a.hermes"
        file.write_text(text, encoding="utf-8", newline="")
        return read_hermes_file(file, Settings())

    return run


def commands(hermes_file) -> list[list[str]]:
    return [[word.text for word in job.words] for job, _ in jobs_in(hermes_file)]


def test_the_documented_file_is_read_as_the_document_says(read):
    found = read(SEED)
    assert found.settings.threads == 2
    assert found.arguments == ("-gamma", "0.995", "--env", "cartpole")
    assert commands(found) == [
        ["python", "train_dqn.py", "-lr", "0.001"],
        ["python", "train_ac.py", "-lr_actor", "0.003", "-lr_critic", "0.001"],
    ]
    assert [options.copy_after for _, options in jobs_in(found)] == [
        ("networks/cnn.py", "train_dqn.py"),
        ("networks/cnn.py", "train_ac.py"),
    ]


@pytest.mark.parametrize(
    "job",
    [
        "[[python, a.py, --tag \"x, y\", --list '[1,2'],[]]",
        "[[python, a.py, --tag 'x, y' --list \"[1,2\"], [ ]]",
        "  [ [python a.py --tag 'x, y', --list '[1,2'] , [] ]   # a remark",
        "[[python, a.py, '--tag' 'x, y', --list \\[1\\,2]]",
    ],
)
def test_a_job_may_be_written_in_several_ways(read, job):
    assert commands(read(f"EXEC\n{job}\n")) == [["python", "a.py", "--tag", "x, y", "--list", "[1,2"]]


def test_commas_brackets_signs_and_addresses_in_arguments_arrive_unchanged(read):
    job = """[[python, a.py, --l [64, 64] --j {"a": [1, "]"]} --u https://h/x#y?z=1;2 # // $HOME * ; 'a#b'],[]]"""
    assert commands(read(f"EXEC\n{job}\n"))[0][2:] == [
        *("--l", "[64, 64]", "--j", '{"a": [1, "]"]}', "--u", "https://h/x#y?z=1;2"),
        *("#", "//", "$HOME", "*", ";", "a#b"),
    ]


def test_blank_lines_comments_and_line_ends_of_windows_count_for_nothing(read):
    text = "\ufeff# head\r\n\r\nEXEC  # the jobs\r\n\r\n  // none\r\n[[python, a.py],[]]\r\n\r\n"
    assert commands(read(text)) == [["python", "a.py"]]


@pytest.mark.parametrize(
    ("text", "line", "column", "told"),
    [
        ("threads:2\nEXEC\n", 1, 1, "a section was expected"),
        ("PRE\nthreads:2\n", 2, 10, "no EXEC section"),
        ("", 1, 1, "the file is empty: write EXEC, and a job a line below it; hermes create writes an example"),
        ("\n # none\n", 2, 1, "the file is empty"),
        ("EXEC\n# none\n", 2, 7, "EXEC has no jobs: write one a line below it"),
        ("STD-E\nSTD-H\nEXEC\n", 2, 1, "the order is PRE, STD-H, STD-E, EXEC"),
        ("PRE\nPRE\nEXEC\n", 2, 1, "PRE is there already"),
        ("pre\nEXEC\n", 1, 1, "pre is no section: write PRE, in capitals and alone on its line"),
        ("PRE:\nEXEC\n", 1, 1, "PRE: is no section: write PRE"),
        ("STD-E\n-n 1\nExec :\n[[a]]\n", 3, 1, "Exec : is no section: write EXEC"),
        ("STD_e\n-n 1\nEXEC\n", 1, 1, "write STD-E"),
        ("stdh\n-m\nEXEC\n", 1, 1, "write STD-H"),
        ("PRE\nstd-h\nEXEC\n", 2, 1, "write STD-H"),
        ("PRE\nSTD\nEXEC\n", 2, 1, "write STD-H for hermes options"),
        ("PRE\nthread:2\nEXEC\n", 2, 1, "there is no setting 'thread'"),
        ("PRE\nthreads=2\nEXEC\n", 2, 1, "name:value"),
        ("PRE\nthreads: two\nEXEC\n", 2, 10, "whole number from 1 on"),
        ("PRE\nthreads:0\nEXEC\n", 2, 9, "whole number from 1 on"),
        ("PRE\nthreads:1\nthreads:2\nEXEC\n", 3, 1, "set twice"),
        ("STD-H\n-cz a\nEXEC\n", 2, 1, "-cz is no hermes option"),
        ("STD-H\n-ca a b\nEXEC\n", 2, 7, "an option was expected, not 'b'"),
        ("STD-H\n-l maybe\nEXEC\n", 2, 4, "True or False, not 'maybe'"),
        ("STD-E\n--tag 'x\nEXEC\n", 2, 7, "quote is not closed"),
        ("EXEC\npython a.py\n", 2, 1, "[ was expected, not 'p'"),
        ("EXEC\n[[python, a.py],[]\n", 2, 19, "] was expected, not the end"),
        ("EXEC\n[[],[]]\n", 2, 3, "the command is empty"),
        ("EXEC\n[[python, a.py],[]] x\n", 2, 21, "only a comment may follow"),
        ("EXEC\n[[a, 'b\0'],[]]\n", 2, 8, "NUL"),
        ("EXEC\n[[python, a.py],[-ca]]\n", 2, 18, "-ca needs a file"),
        ("EXEC\n[[python, a.py, 'x],[]]\n", 2, 17, "quote is not closed"),
        ("EXEC\n[[python, a.py\n", 2, 2, "never end"),
        ("EXEC\nPROD([[python, a.py],[]])\n", 2, 6, "there are no values behind the job"),
        ("EXEC\nPROD([[a {e}],[]], e=[])\n", 2, 23, "e has no values: write some between the brackets"),
        ("EXEC\nPROD([[a {e}],[]], e=[1,,2])\n", 2, 23, "write '' for an empty argument"),
        ("EXEC\nPROD([[a {e}],[]], e=0)\n", 2, 20, "the values of e stand in brackets: write e=[...]"),
        ("EXEC\nPROD([[a {e}],[]], e=RANGE(0, 3))\n", 2, 20, "or e=RANGE[start, end, step]"),
        ("EXEC\nprod([[a {e}],[]], e=[0])\n", 2, 1, "write PROD, in capitals"),
        ("EXEC\n  Zip ([[a {e}],[]], e=[0])\n", 2, 3, "write ZIP, in capitals"),
        ("EXEC\nPROD(s=[1])\n", 2, 6, "there is no job between the brackets"),
        ("EXEC\nPROD([[a {s}],[]], s=[1,2]\n", 2, 5, "is not closed"),
        ("EXEC\nPROD([[a],[]], s=[1,2])\n", 2, 6, "no job uses {s}"),
        ("EXEC\nZIP([[a {s} {t}],[]], s=[1,2], t=[1])\n", 2, 1, "s has 2, t has 1"),
        ("EXEC\nPROD([[a {s}],[]], s=RANGE[0,1,0])\n", 2, 28, "must lead from start to end"),
        ("EXEC\nPROD([[a {s}],[]], s=RANGE[0,x])\n", 2, 28, "takes numbers"),
    ],
)
def test_every_error_has_its_line_its_column_and_the_fix(read, text, line, column, told):
    with pytest.raises(HermesFileError) as caught:
        commands(read(text))
    error = caught.value
    assert told in str(error)
    assert (error.line, error.column) == (line, column)
    message, *marked = str(error).splitlines()
    assert message.startswith(f"{error.path}:{line}:{column}: ")
    if text:
        shown, caret = marked
        assert caret.index("^") == column + 1 or len(shown) > 70
    else:
        assert not marked


def test_the_place_of_bytes_that_are_no_text_is_named(tmp_path):
    file = tmp_path / "a.hermes"
    file.write_bytes(b"PRE\r\n\xc3\xbc threads:2\xff\r\nEXEC\n")
    with pytest.raises(HermesFileError, match="UTF-8") as caught:
        read_hermes_file(file, Settings())
    assert (caught.value.line, caught.value.column) == (2, 12)
    assert str(caught.value).splitlines()[1:] == ["  \xfc threads:2\N{REPLACEMENT CHARACTER}", " " * 13 + "^"]


def test_prod_runs_through_all_combinations_the_last_name_fastest(read):
    found = read("EXEC\nPROD([[python, a.py, {a} {b}],[]], a=[x, 'y z'], b=RANGE[0, 0.3, 0.1])\n")
    assert [words[2:] for words in commands(found)] == [[a, b] for a in ("x", "y z") for b in ("0.0", "0.1", "0.2")]


def test_zip_takes_the_values_in_step_and_one_directive_may_stand_in_another(read):
    found = read("EXEC\nPROD(ZIP([[a {x} {y} {s} {z}],[]], x=[1, 2], y=[[3,3], 4]), s=RANGE[5, 7])\n")
    assert [words[1:] for words in commands(found)] == [
        ["1", "[3,3]", "5", "{z}"],
        ["2", "4", "5", "{z}"],
        ["1", "[3,3]", "6", "{z}"],
        ["2", "4", "6", "{z}"],
    ]


def test_several_jobs_stand_in_one_directive_and_options_are_filled_too(read):
    found = read("EXEC\nPROD([[a {s}],[-c seed {s}: first]], [[b {s}],[-m]], s=[0, 1])\n")
    assert commands(found) == [["a", "0"], ["b", "0"], ["a", "1"], ["b", "1"]]
    assert [options.comments for _, options in jobs_in(found)][::2] == [("seed 0: first",), ("seed 1: first",)]


def test_a_jobs_word_counts_more_than_std_h(read):
    found = read("STD-H\n-l False\n-c all of them\nEXEC\n[[a],[-l True, -c this: one, -noid]]\n[[b],[]]\n")
    (_, first), (_, second) = jobs_in(found)
    assert (first.log, first.comments, first.identifier) == (True, ("all of them", "this: one"), False)
    assert (second.log, second.comments, second.identifier) == (False, ("all of them",), None)


WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])), min_size=1, max_size=6)


@given(WORDS, WORDS)
def test_a_job_line_that_was_written_is_read_back_as_it_was(words, options):
    line = str(JobLine(tuple(Word(word, 0) for word in words), tuple(Word(word, 0) for word in options), Line("")))
    found = parse_job_line(Line(line))
    assert [word.text for word in found.words] == words
    assert [word.text for word in found.options] == options


def test_ten_thousand_lines_are_read_in_seconds_and_one_line_may_stand_for_a_million(read):
    import time
    from itertools import islice

    lines = "\n".join(f"[[python, a.py, --i {number}],[-c job {number}]]" for number in range(10_000))
    begun = time.process_time()
    assert len(commands(read(f"EXEC\n{lines}\n"))) == 10_000
    assert time.process_time() - begun < 10
    many = read("EXEC\nPROD([[a {i} {j}],[]], i=RANGE[0, 1000], j=RANGE[0, 1000])\n")
    assert len(list(islice(jobs_in(many), 5))) == 5


@given(
    first=st.decimals(-100, 100, places=2),
    step=st.decimals("0.01", 30, places=2),
    length=st.decimals("0.01", 60, places=2),
    down=st.booleans(),
)
def test_a_range_holds_every_number_before_its_end_and_none_behind(first, step, length, down):
    sign = -1 if down else 1
    end = first + sign * length
    line = Line(f"PROD([[a {{n}}],[]], n=RANGE[{first}, {end}, {sign * step}])")
    found = [Decimal(parse_job_line(job).words[1].text) for job in expanded(line)]
    assert found == [first + sign * number * step for number in range(len(found))]
    assert all(sign * (end - number) > 0 for number in found)
    assert sign * (found[-1] + sign * step - end) >= 0


def test_a_remark_does_not_begin_inside_the_quotes_of_a_standard_line(read):
    found = read("STD-H\n-c 'run #1 // x'  # it's one\nSTD-E\n--tag \"a # b\" # c\nEXEC\n[[a],[]]\n")
    assert found.options.comments == ("run #1 // x",)
    assert found.arguments == ("--tag", "a # b")


def test_signs_that_break_lines_elsewhere_stand_in_an_argument(read):
    assert commands(read("EXEC\n[[a, 'x\u2028y\x0bz\x85'],[]]\r[[b],[]]\r\n[[c],[]]")) == [
        ["a", "x\u2028y\x0bz\x85"],
        ["b"],
        ["c"],
    ]
