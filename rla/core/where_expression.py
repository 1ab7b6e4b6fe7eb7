"""The language of ``--where``: a closed subset of Python's expressions, parsed and never run.

docs/reference/selection.md describes it; :mod:`rla.core.where_nodes` is what comes out, and
:mod:`rla.store.where` turns that into SQL.
"""

from __future__ import annotations

import ast
import difflib
import math
import time
from typing import Final

from rla.core.json_codec import encode
from rla.core.moments import parse_moment
from rla.core.where_nodes import (
    ANY,
    COLUMNS,
    FITS,
    FLAG,
    HYPERPARAMETER,
    KIND_TEXT,
    LAST,
    LIST,
    NUMBER,
    PREFIXES,
    RUN,
    STATS,
    SUMMARY,
    TEXT,
    TIME,
    All,
    AnyOf,
    Comparison,
    Condition,
    Contains,
    Expression,
    IsNan,
    Like,
    Membership,
    Name,
    Presence,
    Value,
)
from rla.core.where_tokens import prepare
from rla.errors import SelectionError

MAX_DEPTH: Final = 40
MAX_CONDITIONS: Final = 200
MAX_ITEMS: Final = 4_000


def parse(text: str) -> Expression:
    """Read an expression.

    Raises:
        SelectionError: It is none of the language; the message marks the place.
    """
    return _Parser(text).expression()


def parse_name(text: str) -> Name:
    """Read a single name, as ``--sort`` takes it.

    Raises:
        SelectionError: It is no name.
    """
    parser = _Parser(text)
    return parser.name(parser.tree())


_OPERATORS: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "==",
    ast.IsNot: "!=",
}
_OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_SWAPPED: Final = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_ADVICE: Final[dict[type[ast.AST], str]] = {
    ast.BinOp: "there is no arithmetic here; a key with such a sign is written hp['learning-rate']",
    ast.Call: "only like(name, 'pattern%') and isnan(name) can be called here",
    ast.Constant: "a value stands alone here; compare a name with it. A key in quotes is written hp['a key']",
    ast.List: "a list stands only after `in`: lr in [0.1, 0.2]; one item of a stored list: 64 in layers",
    ast.Subscript: "a key in brackets is one text in quotes: hp['a key'], summary['train/loss']",
}


class _Parser:
    """Walks Python's syntax tree of one expression; everything it does not know is an error."""

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._source = prepare(self._text)
        self._conditions = 0
        self._now = time.time()

    def expression(self) -> Expression:
        """All of the text."""
        return self._condition(self.tree(), negated=False, depth=0)

    def tree(self) -> ast.expr:
        """Python's syntax tree of it."""
        if not self._text:
            raise SelectionError("the expression is empty")
        try:
            return ast.parse(self._source, mode="eval").body
        except SyntaxError as error:
            raise self._syntax_error(error) from None
        except (RecursionError, MemoryError):
            raise SelectionError("the expression is nested too deep") from None
        except ValueError as error:
            raise SelectionError(f"the expression cannot be read: {error}") from None

    def name(self, node: ast.expr) -> Name:
        """A name: words with dots between them, or keys in brackets."""
        keys: list[str] = []
        bracketed = False
        inner = node
        while isinstance(inner, ast.Attribute | ast.Subscript):
            if isinstance(inner, ast.Attribute):
                keys.append(inner.attr)
                inner = inner.value
            else:
                keys.append(self._bracketed_key(inner))
                bracketed = True
                inner = inner.value
            if len(keys) > MAX_DEPTH:
                raise self._error("this name is too deep", node)
        if not isinstance(inner, ast.Name):
            raise self._unknown(inner)
        return self._resolved(inner, tuple(reversed(keys)), node, bracketed=bracketed)

    def _resolved(self, first: ast.Name, rest: tuple[str, ...], node: ast.expr, *, bracketed: bool) -> Name:
        place = self._position(node)
        text = self._text[place : self._position(node, end=True)]
        source = PREFIXES.get(first.id)
        if source is None and not rest and first.id in COLUMNS:
            return Name(RUN, ((first.id,),), text=text, position=place)
        if source is None:
            source, rest = HYPERPARAMETER, (first.id, *rest)
        if not rest:
            raise self._error(f"{first.id!r} needs a key after it, as {first.id}.key", node)
        if any(encode(key) != key or key.startswith("$") for key in rest):
            raise self._error("no key that can be asked for has such characters", node)
        if source == RUN:
            return self._column(rest, text, node)
        stat = LAST
        if source == SUMMARY:
            if len(rest) > 1 and rest[-1] in STATS:
                *rest_, stat = rest
                rest = tuple(rest_)
            return Name(source, ((".".join(rest),),), stat, text, place)
        flat = () if bracketed or len(rest) == 1 else ((".".join(rest),),)
        return Name(source, (*flat, rest), text=text, position=place)

    def _column(self, keys: tuple[str, ...], text: str, node: ast.expr) -> Name:
        if len(keys) > 1 or keys[0] not in COLUMNS:
            near = difflib.get_close_matches(keys[0], COLUMNS, n=len(COLUMNS), cutoff=0)
            raise self._error(f"a run has no column {'.'.join(keys)!r}; it has {', '.join(near)}", node)
        return Name(RUN, (keys,), text=text, position=self._position(node))

    def _bracketed_key(self, node: ast.Subscript) -> str:
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return node.slice.value
        raise self._unknown(node)

    def _condition(self, node: ast.expr, *, negated: bool, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise self._error("this is nested too deep", node)
        if isinstance(node, ast.BoolOp):
            parts = tuple(self._condition(part, negated=negated, depth=depth + 1) for part in node.values)
            return All(parts) if isinstance(node.op, ast.And) != negated else AnyOf(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self._condition(node.operand, negated=not negated, depth=depth + 1)
        if isinstance(node, ast.Compare):
            return self._chain(node, negated=negated)
        return self._single(node, negated=negated)

    def _chain(self, node: ast.Compare, *, negated: bool) -> Expression:
        operands = [node.left, *node.comparators]
        pairs = zip(operands, node.ops, operands[1:], strict=False)
        parts = tuple(self._pair(*pair, negated=negated) for pair in pairs)
        if len(parts) == 1:
            return parts[0]
        return AnyOf(parts) if negated else All(parts)

    def _single(self, node: ast.expr, *, negated: bool) -> Condition:
        """A condition that is not made of others and has no comparison sign."""
        self._count(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult | ast.FloorDiv):
            is_denied = isinstance(node.op, ast.MatMult) == negated  # "//" stands for "not like"
            return self._like(node.left, node.right, negated=is_denied)
        if isinstance(node, ast.Call):
            return self._call(node, negated=negated)
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            return self._truth(node, negated=negated)
        raise self._unknown(node)

    def _truth(self, node: ast.expr, *, negated: bool) -> Comparison:
        name = self.name(node)
        if name.kind not in {ANY, FLAG}:
            raise self._error(f"{name.text} is not true or false: compare it with something", node)
        return Comparison(name, "==", not negated)

    def _call(self, node: ast.Call, *, negated: bool) -> Condition:
        function, arguments = node.func, node.args
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in arguments):
            raise self._unknown(node)
        if isinstance(function, ast.Attribute) and function.attr == "like":
            arguments, called = [function.value, *arguments], "like"
        else:
            called = function.id if isinstance(function, ast.Name) else ""
        if called == "like" and len(arguments) == 2:  # noqa: PLR2004 - a name and a pattern
            return self._like(arguments[0], arguments[1], negated=negated)
        if called == "isnan" and len(arguments) == 1:
            return IsNan(self._of_kind(arguments[0], {ANY}), negated)
        raise self._unknown(node)

    def _like(self, left: ast.expr, right: ast.expr, *, negated: bool) -> Like:
        pattern = self._value(right)
        if not isinstance(pattern, str):
            raise self._error("a pattern is a text in quotes", right)
        return Like(self._of_kind(left, {ANY, TEXT}), pattern, negated)

    def _pair(self, left: ast.expr, operator: ast.cmpop, right: ast.expr, *, negated: bool) -> Expression:
        self._count(right)
        if isinstance(operator, ast.In | ast.NotIn):
            return self._in(left, right, negated=isinstance(operator, ast.NotIn) != negated)
        sign = _OPERATORS[type(operator)]
        if isinstance(operator, ast.Is | ast.IsNot) and not _is_none(right):
            raise self._error("`is` compares with None only; write ==", right)
        sign = _OPPOSITE[sign] if negated else sign
        if not _is_literal(right):
            if _is_literal(left):
                left, right, sign = right, left, _SWAPPED[sign]
            else:
                return self._two_names(self.name(left), sign, right)
        if _is_literal(left):
            raise self._error("two values are compared here; a key in quotes is written hp['a key']", left)
        return self._with_value(self.name(left), sign, right)

    def _two_names(self, name: Name, sign: str, right: ast.expr) -> Comparison:
        other = self.name(right)
        kinds = {TIME: NUMBER, FLAG: FLAG}
        one, two = (kinds.get(each.kind, each.kind) for each in (name, other))
        if LIST in {one, two} or (one != two and ANY not in {one, two}):
            raise self._error(f"{name.text} and {other.text} hold different kinds of values", right)
        return Comparison(name, sign, other)

    def _with_value(self, name: Name, sign: str, node: ast.expr) -> Condition:
        is_order = sign not in {"==", "!="}
        if _is_none(node) and not is_order:
            return Presence(name, negated=sign == "==")
        value = self._value_for(name, node)
        if isinstance(value, bool) and is_order:
            raise self._error("True and False are neither less nor greater than anything", node)
        return Comparison(name, sign, value)

    def _in(self, left: ast.expr, right: ast.expr, *, negated: bool) -> Expression:
        if not isinstance(right, ast.List | ast.Tuple | ast.Set):
            return Contains(self._of_kind(right, {ANY, TEXT, LIST}), self._value(left), negated)
        name = self.name(left)
        if len(right.elts) > MAX_ITEMS:
            raise self._error(f"this list has more than {MAX_ITEMS} items", right)
        items = tuple(self._value_for(name, item) for item in right.elts if not _is_none(item))
        member = Membership(name, items, negated)
        if len(items) == len(right.elts):
            return member
        return (
            All((Presence(name, negated=False), member)) if negated else AnyOf((Presence(name, negated=True), member))
        )

    def _of_kind(self, node: ast.expr, kinds: set[str]) -> Name:
        name = self.name(node)
        if name.kind not in kinds:
            raise self._error(f"{name.text} holds {KIND_TEXT[name.kind]}; this cannot be asked of it", node)
        return name

    def _value_for(self, name: Name, node: ast.expr) -> Value:
        """A value that the name can be compared with at all."""
        value = self._value(node)
        if name.kind == TIME and isinstance(value, str):
            try:
                return parse_moment(value, self._now)
            except SelectionError as error:
                raise self._error(str(error).partition("\n")[0], node) from None
        fits = FITS[name.kind]
        if not isinstance(value, fits) or (isinstance(value, bool) and bool not in fits):
            message = f"{name.text} holds {KIND_TEXT[name.kind]}, never {value!r:.40}"
            raise self._error(f"{message}; a hyperparameter of that name is hp.{name.key}", node)
        return value

    def _value(self, node: ast.expr) -> Value:
        sign = 1
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            sign = -1 if isinstance(node.op, ast.USub) else 1
            node = node.operand
            if not isinstance(node, ast.Constant) or type(node.value) not in {int, float}:
                raise self._unknown(node)
        if not isinstance(node, ast.Constant):
            raise self._unknown(node)
        value = node.value
        if isinstance(value, bool):
            return value
        if isinstance(value, int | float) and not (isinstance(value, float) and math.isnan(value)):
            return sign * value
        if isinstance(value, str):
            if encode(value) != value:
                raise self._error("no text that can be asked for has such characters", node)
            return value
        raise self._unknown(node)

    def _count(self, node: ast.expr) -> None:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise self._error(f"there are more than {MAX_CONDITIONS} conditions; a list is shorter: lr in [1, 2]", node)

    def _position(self, node: ast.expr, *, end: bool = False) -> int:
        """Python counts bytes; people count characters."""
        offset = (node.end_col_offset or 0) if end else node.col_offset
        return len(self._source.encode()[:offset].decode("utf-8", "ignore"))

    def _error(self, message: str, node: ast.expr) -> SelectionError:
        return SelectionError(message, expression=self._text, position=self._position(node))

    def _unknown(self, node: ast.expr) -> SelectionError:
        advice = next(
            (text for kind, text in _ADVICE.items() if isinstance(node, kind)), "this is not part of the language"
        )
        return self._error(advice, node)

    def _syntax_error(self, error: SyntaxError) -> SelectionError:
        place = min(max((error.offset or 1) - 1, 0), len(self._text))
        if "nested" in (error.msg or ""):
            return SelectionError("the expression is nested too deep")
        return SelectionError("this cannot be read", expression=self._text, position=place)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant | ast.UnaryOp)
