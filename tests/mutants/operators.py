"""The small changes that are tried on the code: mutmut's, and some for what this code consists of."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst
import libcst.matchers as m
from mutmut.mutation.mutators import mutation_operators

#: What is not about behaviour: types, flags of dataclasses, imports, and the words of exceptions for developers.
_LEFT_ALONE = m.OneOf(
    m.Annotation(),
    m.Decorator(),
    m.Import(),
    m.ImportFrom(),
    m.Call(func=m.Name("TypeVar")),
    m.Call(func=m.Name("assert_never")),
    m.Call(func=m.Name("ConfigDict")),
    m.Call(func=m.Name("field"), args=[m.Arg(keyword=m.Name("init"))]),
    m.If(test=m.Name("TYPE_CHECKING")),
    m.SimpleStatementLine(body=[m.Expr(value=m.SimpleString() | m.Ellipsis())]),
    m.Raise(exc=~m.Call(func=m.Name("PydanticCustomError"))),
)
_SWAPPED = {"min": "max", "max": "min", "sorted": "list", "reversed": "list"}
_SQL = re.compile(
    r" SKIP LOCKED| FOR UPDATE| FORCE INDEX \(PRIMARY\)| ORDER BY [a-z_, ]+| DESC\b| LIMIT [%:\w()]+"
    r"| AND [a-z_.]+ (?:=|<>|<=|IN) [%:.\w()']+| STRAIGHT_JOIN| AND "
)

Change = tuple[cst.CSTNode, cst.CSTNode]


def is_left_alone(node: cst.CSTNode) -> bool:
    return m.matches(node, _LEFT_ALONE)


def changes_of(node: cst.CSTNode) -> Iterator[Change]:
    """What this node, or a part of it, is replaced with, one at a time."""
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            yield from ((node, new) for new in operator(node) if _tells_something(node, new))
    yield from _of_ours(node)


def _tells_something(old: cst.CSTNode, new: cst.CSTNode) -> bool:
    """Not what mypy refuses, as far as that is easily told, nor a string in another case."""
    match old, new:
        case cst.SimpleString(), cst.SimpleString(value=value):
            return "XX" in value
        case cst.Call(args=before), cst.Call(args=after):
            changed = [one for one, other in zip(before, after, strict=False) if one is not other]
            return len(before) == len(after) and all(argument.keyword for argument in changed)
        case ((cst.Assign() | cst.AnnAssign()), _):
            return False
        case _:
            return True


def _of_ours(node: cst.CSTNode) -> Iterator[Change]:
    match node:
        case cst.BooleanOperation(left=left, right=right):
            yield from ((node, left), (node, right))
        case cst.If(test=test) | cst.While(test=test):
            yield from ((test, cst.Name("True")), (test, cst.Name("False")))
        case cst.IfExp(body=body, orelse=orelse):
            yield from ((node, body), (node, orelse))
        case cst.Expr(value=cst.Call() as call) if not is_left_alone(call):
            yield node, cst.Expr(cst.Ellipsis())
        case cst.Call(func=cst.Name(value=name)) if name in _SWAPPED:
            arguments = node.args[:1] if _SWAPPED[name] == "list" else node.args
            yield node, node.with_changes(func=cst.Name(_SWAPPED[name]), args=arguments)
        case cst.SimpleString() | cst.FormattedStringText():
            for phrase in _SQL.finditer(node.value):
                kept = phrase[0].replace("AND", "OR") if phrase[0] == " AND " else " "
                yield node, node.with_changes(value=node.value[: phrase.start()] + kept + node.value[phrase.end() :])
