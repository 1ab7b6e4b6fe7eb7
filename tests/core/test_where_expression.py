"""Reading the language of --where: what it takes, and what it says about the rest."""

from __future__ import annotations

import time
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rla.core.where_expression import MAX_CONDITIONS, MAX_DEPTH, MAX_ITEMS, parse, parse_name
from rla.core.where_nodes import All, AnyOf, Comparison, Contains, IsNan, Like, Membership, Name, Presence, names
from rla.core.where_tokens import MAX_LENGTH
from rla.errors import RlaError, SelectionError


def hp(*path: str, **fields) -> Name:
    return Name("hp", (path,), **fields)


def bare(node):
    """An expression without the texts and places of its names, which are equal only where they stand alike."""
    if isinstance(node, All | AnyOf):
        return type(node)(tuple(map(bare, node.parts)))
    changes = {"name": Name(node.name.source, node.name.paths, node.name.stat)}
    if isinstance(node, Comparison) and isinstance(node.other, Name):
        changes["other"] = Name(node.other.source, node.other.paths, node.other.stat)
    return type(node)(**{**vars(node), **changes})


LR, X = hp("lr"), hp("x")


class TestConditions:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("lr == 1e-3", Comparison(LR, "==", 0.001)),
            ("lr != -1", Comparison(LR, "!=", -1)),
            ("lr < +1", Comparison(LR, "<", 1)),
            ("x == 'a b'", Comparison(X, "==", "a b")),
            ('x == "it\'s"', Comparison(X, "==", "it's")),
            (r"x == 'it\'s \\ \x41 \u00fc'", Comparison(X, "==", "it's \\ A ü")),
            ("x == True", Comparison(X, "==", True)),
            ("x", Comparison(X, "==", True)),
            ("not x", Comparison(X, "==", False)),
            ("0.1 < lr", Comparison(LR, ">", 0.1)),
            ("'a' == x", Comparison(X, "==", "a")),
            ("x == None", Presence(X, negated=True)),
            ("x is not None", Presence(X, negated=False)),
            ("None != x", Presence(X, negated=False)),
            ("lr == x", Comparison(LR, "==", X)),
            ("lr in [1, 'a']", Membership(LR, (1, "a"), negated=False)),
            ("lr not in (1,)", Membership(LR, (1,), negated=True)),
            ("'a' in x", Contains(X, "a", negated=False)),
            ("64 not in x", Contains(X, 64, negated=True)),
            ("x like 'H%'", Like(X, "H%", negated=False)),
            ("x not like 'H%'", Like(X, "H%", negated=True)),
            ("not x like 'H%'", Like(X, "H%", negated=True)),
            ("like(x, 'H%')", Like(X, "H%", negated=False)),
            ("x.like('H%')", Like(X, "H%", negated=False)),
            ("hp.like like 'like'", Like(hp("like"), "like", negated=False)),
            ("isnan(x)", IsNan(X, negated=False)),
            ("x\n ==\t1", Comparison(X, "==", 1)),
            ("  x == 1  ", Comparison(X, "==", 1)),
            ("((x)) == (1)", Comparison(X, "==", 1)),
            ("x == 1_000", Comparison(X, "==", 1000)),
            ("x == 'a' 'b'", Comparison(X, "==", "ab")),
        ],
    )
    def test_a_condition_is_read(self, text, expected):
        assert bare(parse(text)) == expected

    @pytest.mark.parametrize(
        ("text", "same"),
        [
            ("not (lr == 1 and x < 2)", "lr != 1 or x >= 2"),
            ("not (lr == 1 or not x > 2)", "lr != 1 and x > 2"),
            ("not not lr == 1", "lr == 1"),
            ("not lr in [1]", "lr not in [1]"),
            ("not 'a' in x", "'a' not in x"),
            ("not isnan(x) and not x is None", "not (isnan(x) or x is None)"),
            ("not 0 < lr <= 1", "lr <= 0 or lr > 1"),
            ("0 < lr <= 1", "lr > 0 and lr <= 1"),
            ("lr in [1, None]", "lr is None or lr in [1]"),
            ("lr not in [1, None]", "lr is not None and lr not in [1]"),
        ],
    )
    def test_not_is_pushed_into_the_conditions(self, text, same):
        assert bare(parse(text)) == bare(parse(same))

    def test_and_binds_closer_than_or(self):
        assert bare(parse("lr or lr and x")) == bare(parse("lr or (lr and x)"))


class TestNames:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("lr", LR),
            ("hp.lr", LR),
            ("hyperparameters.lr", LR),
            ("hp['lr']", LR),
            ("a.b", Name("hp", (("a.b",), ("a", "b")))),
            ("hp.a.b.c", Name("hp", (("a.b.c",), ("a", "b", "c")))),
            ("hp['a.b']", hp("a.b")),
            ("hp['a']['b']", hp("a", "b")),
            ("a['b'].c", hp("a", "b", "c")),
            ("state", Name("run", (("state",),))),
            ("run.state", Name("run", (("state",),))),
            ("hp.state", hp("state")),
            ("hp.run.state", Name("hp", (("run.state",), ("run", "state")))),
            ("summary.loss", Name("summary", (("loss",),))),
            ("summary.loss.last", Name("summary", (("loss",),))),
            ("summary.loss.max", Name("summary", (("loss",),), "max")),
            ("summary['train/loss'].mean", Name("summary", (("train/loss",),), "mean")),
            ("summary.train.loss", Name("summary", (("train.loss",),))),
            ("summary.max", Name("summary", (("max",),))),
            ("summary.max.min", Name("summary", (("max",),), "min")),
            ("hp.summary", hp("summary")),
            ("ä", hp("ä")),
            *((f"hp.{word}", hp(word)) for word in ("lambda", "in", "None", "class", "return")),
            *((word, hp(word)) for word in ("lambda", "class", "global", "return")),
        ],
    )
    def test_a_name_is_read(self, text, expected):
        found = parse_name(text)
        assert Name(found.source, found.paths, found.stat) == expected
        assert found.text == text

    def test_names_are_told_with_their_places(self):
        found = list(names(parse("ü == 1 and not (summary.x > lr or 'a' in tags)")))
        assert [(name.text, name.position) for name in found] == [("ü", 0), ("summary.x", 16), ("lr", 28), ("tags", 41)]


def caret(text: str, place: str) -> SelectionError:
    """The error of a text, after a look at where its caret stands: below the beginning of a part."""
    with pytest.raises(SelectionError) as caught:
        parse(text)
    _, line, mark = str(caught.value).split("\n")
    assert line.strip() in text.replace("\n", "?")
    assert line[mark.index("^") :].startswith(place)
    assert (caught.value.expression, mark.strip()) == (text, "^")
    assert text[caught.value.position :].startswith(place)
    return caught.value


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "place", "message"),
        [
            ("lr ==", "", "cannot be read"),
            ("lr == (1", "(1", "cannot be read"),
            ("lr = 1", "= 1", "cannot be read"),
            ("a b", "b", "cannot be read"),
            ("x == 1 and f(x)", "f(x)", "only like"),
            ("x + 1 == 2", "x + 1", "no arithmetic"),
            ("learning-rate == 1", "learning-rate", "hp['learning-rate']"),
            ("x == [1]", "[1]", "after `in`"),
            ("x in [y]", "y]", "not part"),
            ("x[0] == 1", "x[0]", "in brackets is one text"),
            ("hp == 1", "hp", "needs a key"),
            ("'a key' == 1", "'a key'", "hp['a key']"),
            ("1 == 1", "1 == 1", "two values"),
            ("'a'", "'a'", "a value stands alone"),
            ("x == 1 # rest", "# rest", "no comments"),
            ("x @ 'a'", "@", "no operator"),
            ("x // 'a'", "//", "no arithmetic"),
            ("x == 'a", "'a", "not closed"),
            ("x == b'a'", "b'a'", "'b' before it"),
            ("x == f'{y}'", "f'{y}'", "'f' before it"),
            (r"x == 'a\d'", r"\d", "write a backslash as two"),
            (r"x == '\777'", r"\777", "write a backslash as two"),
            ("x == 1if", "if", "goes over into a word"),
            ("x == 0x10", "x10", "goes over into a word"),
            ("x is 1", "1", "write =="),
            ("x < None", "None", "a value stands alone"),
            ("x < True", "True", "neither less nor greater"),
            ("x like 3", "3", "a text in quotes"),
            ("x == -True", "True", "a value stands alone"),
            ("lambda x: x", "x: x", "cannot be read"),
            ("x if y else z", "if", "cannot be read"),
            ("[x for x in y]", "x for", "cannot be read"),
            ("(x := 1)", "x := 1", "not part"),
            ("x == ...", "...", "a value stands alone"),
            ("x == 1j", "j", "goes over into a word"),
            ("{x: 1}", "{x", "not part"),
            ("*x", "*x", ""),
            ("x == '\\x00'", "'\\x00'", "such characters"),
            ("hp['$x'] == 1", "hp['$x']", "such characters"),
            ("run.nosuch == 1", "run.nosuch", "has no column 'nosuch'"),
            ("run.lost == 1", "run.lost", "has no column 'lost'"),
            ("batch == 64", "64", "a hyperparameter of that name is hp.batch"),
            ("seed == 'a'", "'a'", "seed holds a number"),
            ("state in ['a', 1]", "1]", "state holds text"),
            ("tags == 'a'", "'a'", "a list of texts"),
            ("git_dirty == 1", "1", "True or False"),
            ("time_step == True", "True", "a number"),
            ("time_step", "time_step", "compare it"),
            ("time_step like 'a'", "time_step", "cannot be asked"),
            ("started > 'yesterday'", "'yesterday'", "is no time"),
            ("state == time_step", "time_step", "different kinds"),
            ("x ==\n\n)", "", "cannot be read"),
            ("ü == 'ü' and ü == b'x'", "b'x'", "'b' before"),
        ],
    )
    def test_what_cannot_be_read_is_marked_with_a_caret(self, text, place, message):
        assert message in str(caret(text, place))

    def test_a_long_expression_is_shown_around_the_place(self):
        text = " and ".join(["x == 1"] * 30 + ["x = 1"] + ["x == 1"] * 30)
        error = caret_of_long(text)
        assert max(map(len, str(error).split("\n"))) <= 80
        assert "..." in str(error)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "empty"),
            (" \n", "empty"),
            ("x == 1" + " " * MAX_LENGTH + "or x", "longer than"),
            ("(" * 300 + "x" + ")" * 300, "nested too deep"),
            ("not " * 4000 + "x", "too deep"),
            ("(x or " * (MAX_DEPTH + 1) + "x" + ")" * (MAX_DEPTH + 1), "too deep"),
            ("x" + ".a" * 3000, "too deep"),
            (" or ".join(["x"] * (MAX_CONDITIONS + 1)), "more than"),
            (f"x in [{','.join('1' * (MAX_ITEMS + 1))}]", "more than"),
            ("x == " + "9" * 5000, "cannot be read"),
            ("x == '\ud800'", "cannot be read"),
            ("\ud800", "cannot be read"),
        ],
    )
    def test_what_is_too_large_or_no_text_at_all_is_refused(self, text, message):
        with pytest.raises(SelectionError, match=message):
            parse(text)

    def test_it_is_a_value_error_too(self):
        with pytest.raises(ValueError, match="empty"):
            parse("")
        assert issubclass(SelectionError, RlaError)

    def test_control_characters_of_the_expression_are_not_repeated(self):
        with pytest.raises(SelectionError) as caught:
            parse("x == '\x1b[2J' and (")
        assert "\x1b" not in str(caught.value)


def caret_of_long(text: str) -> SelectionError:
    with pytest.raises(SelectionError) as caught:
        parse(text)
    _, line, mark = str(caught.value).split("\n")
    assert line[mark.index("^") :].startswith("= 1 and")
    return caught.value


class TestTimes:
    def test_a_text_beside_a_time_is_read_as_one(self):
        found = parse("started > '2d'")
        assert abs(found.other - (time.time() - 2 * 86400)) < 60


WORDS = (
    r"""lr x . state tags hp summary [ ] ( ) 'a' " ' 1 0.5 - True None == != < >= in not and or like is , # @ / \ é *"""
)
PIECES = st.sampled_from([*WORDS.split(), "lambda", "\n", " "])


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=14).map(" ".join) | st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=30))
def test_any_text_is_read_or_refused_with_our_error_and_no_warning(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            parse(text)
        except SelectionError as error:
            assert str(error)
