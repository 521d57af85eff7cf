"""Finds the route of a request: a full match before a greedy one, `$default` last.

Source: API Gateway developer guide, "Create routes for HTTP APIs".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from local.template.http_api import Route

_VARIABLE = re.compile(r"\{([A-Za-z0-9._:-]+)(\+?)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    route: Route
    #: The variables in its path.
    parameters: Mapping[str, str]


def find_route(routes: Sequence[Route], method: str, path: str) -> Found | None:
    return min(_matching(routes, method, path), key=lambda found: _rank(found.route), default=None)


def _matching(routes: Sequence[Route], method: str, path: str) -> Iterator[Found]:
    for route in routes:
        if route.method in (method, "ANY") and (match := re.fullmatch(_pattern(route.path), path)):
            names = [name for name, _ in _VARIABLE.findall(route.path)]
            known = {} if route.key == "$default" else dict(zip(names, map(unquote, match.groups()), strict=True))
            yield Found(route=route, parameters=known)


def _pattern(path: str) -> str:
    """Matches the path as it was sent, so an escaped slash belongs to a variable."""
    parts = _VARIABLE.split(path)
    literals, greedy = map(re.escape, parts[::3]), parts[2::3]
    variables = ["(.+)" if plus else "([^/]+)" for plus in greedy]
    return "".join(part for pair in zip(literals, [*variables, ""], strict=True) for part in pair)


def _rank(route: Route) -> tuple[bool, bool, int, bool]:
    """The lowest rank wins. Of two matching routes that is the one with more literal segments."""
    literal = len(_VARIABLE.sub("", route.path))
    is_greedy = "+}" in route.path
    return route.key == "$default", is_greedy, -literal, route.method == "ANY"
