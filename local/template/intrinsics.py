"""Finds CloudFormation's intrinsic functions in a template, and replaces them by values."""

import json
import re
from collections.abc import Iterator, Mapping

Json = object

_SUBSTITUTED = re.compile(r"\$\{([A-Za-z0-9:]+)(?:\.[A-Za-z0-9.]+)?\}")


def expressions(node: Json) -> Iterator[Mapping[str, Json]]:
    """The outermost intrinsic functions below `node`, which a deployment replaces by values."""
    if is_expression(node):
        yield node  # type: ignore[misc]  # is_expression: it is a mapping
    else:
        for child in _children(node):
            yield from expressions(child)


def replaced(node: Json, values: Mapping[str, Json]) -> Json:
    """`node` with each expression replaced by its value in `values` (by its `key`), if it has one there."""
    if is_expression(node):
        return values.get(key(node), node)
    if isinstance(node, Mapping):
        return {name: replaced(child, values) for name, child in node.items()}
    if isinstance(node, list):
        return [replaced(child, values) for child in node]
    return node


def references(node: Json) -> Iterator[str]:
    """The logical ids and parameters that `node` refers to at any depth, without pseudo parameters."""
    if isinstance(node, Mapping) and len(node) == 1:
        yield from (name for name in _named_by(*next(iter(node.items()))) if not name.startswith("AWS::"))
    for child in _children(node):
        yield from references(child)


def key(expression: Json) -> str:
    return json.dumps(expression, sort_keys=True)


def is_expression(node: Json) -> bool:
    return isinstance(node, Mapping) and len(node) == 1 and (name := next(iter(node))) and _is_function(name)


def _is_function(name: str) -> bool:
    return name == "Ref" or (name.startswith("Fn::") and name != "Fn::Transform")


def _named_by(function: str, argument: Json) -> list[str]:
    match function, argument:
        case "Ref", str():
            return [argument]
        case "Fn::GetAtt", [str(logical_id), *_]:
            return [logical_id]
        case "Fn::GetAtt", str():
            return [argument.partition(".")[0]]
        case ("Fn::Sub", str(text)) | ("Fn::Sub", [str(text), *_]):
            return _SUBSTITUTED.findall(text)
        case _:
            return []


def _children(node: Json) -> Iterator[Json]:
    if isinstance(node, Mapping):
        yield from node.values()
    elif isinstance(node, list):
        yield from node
