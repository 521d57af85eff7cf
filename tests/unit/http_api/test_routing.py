"""Which of an API's routes a request takes."""

import pytest

from local.http_api.routing import find_route
from tests.unit.http_api.conftest import route

ROUTES = [
    route(key)
    for key in (
        "$default",
        "GET /{proxy+}",
        "ANY /things/{thing}",
        "GET /things/{thing}",
        "GET /things/one",
        "GET /things/{thing}/parts/{rest+}",
    )
]


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/things/one", "GET /things/one", {}),
        ("GET", "/things/two", "GET /things/{thing}", {"thing": "two"}),
        ("PUT", "/things/two", "ANY /things/{thing}", {"thing": "two"}),
        ("GET", "/things/a%20b", "GET /things/{thing}", {"thing": "a b"}),
        ("GET", "/things/1/parts/2/3", "GET /things/{thing}/parts/{rest+}", {"thing": "1", "rest": "2/3"}),
        ("GET", "/elsewhere/2", "GET /{proxy+}", {"proxy": "elsewhere/2"}),
        ("PUT", "/elsewhere", "$default", {}),
    ],
)
def test_the_closest_route_is_taken(method: str, path: str, key: str, parameters: dict[str, str]) -> None:
    """A full match before a greedy one, and a method of its own before ANY."""
    found = find_route(ROUTES, method, path)
    assert found
    assert (found.route.key, found.parameters) == (key, parameters)


def test_there_may_be_none() -> None:
    assert find_route(ROUTES[4:], "GET", "/things/two") is None
    assert find_route([route("GET /a.b")], "GET", "/a-b") is None
