"""The local HTTP API behaves as API Gateway does: its events, its own answers, its limits and its CORS."""

import base64

import pytest

from tests.calling import call


def test_a_function_gets_the_request_in_payload_format_2(url: str) -> None:
    """Names in lower case, repeated values joined by commas, and cookies apart."""
    answer = call(f"{url}/open?a=1&a=2&b=%E9%9B%81", user_agent="test", X_Ours="1", cookie="c=1; d=2")
    event = answer.json
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "GET /open", "/open")
    assert event["rawQueryString"] == "a=1&a=2&b=%E9%9B%81"
    assert event["queryStringParameters"] == {"a": "1,2", "b": "雁"}
    assert event["headers"]["x-ours"] == "1"
    assert (event["cookies"], "cookie" in event["headers"]) == (["c=1", "d=2"], False)
    assert event["requestContext"]["http"] | {"sourceIp": "127.0.0.1"} == {
        "method": "GET",
        "path": "/open",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "test",
    }
    assert "authorizer" not in event["requestContext"]
    assert "body" not in event


def test_a_functions_answer_is_passed_on(url: str) -> None:
    """Status, headers and cookies."""
    answer = call(f"{url}/open")
    assert (answer.status, answer.headers["x-ours"], answer.headers["set-cookie"]) == (201, "yes", "a=1")


@pytest.mark.parametrize(
    ("kind", "body", "as_text"),
    [
        ("application/json", '{"名": 1}'.encode(), '{"名": 1}'),
        ("application/json", b"\xff", None),
        ("application/octet-stream", b"{}", None),
    ],
    ids=["text", "no text after all", "not declared as text"],
)
def test_a_body_is_passed_as_text_or_in_base64(url: str, kind: str, body: bytes, as_text: str | None) -> None:
    """By its content type."""
    event = call(f"{url}/open", "PUT", body=body, content_type=kind).json
    assert event["isBase64Encoded"] is (as_text is None)
    assert event["body"] == (as_text or base64.b64encode(body).decode())


def test_a_function_that_fails_is_an_error_without_its_words(url: str) -> None:
    answer = call(f"{url}/broken")
    assert (answer.status, answer.body) == (500, b'{"message":"Internal Server Error"}')


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("POST", "/open"), ("GET", "/open/")])
def test_a_request_without_a_route_is_not_found(url: str, method: str, path: str) -> None:
    """Neither is another method of a path that there is."""
    answer = call(url + path, method)
    assert (answer.status, answer.body) == (404, b'{"message":"Not Found"}')


@pytest.mark.parametrize("size", [10 * 1024 * 1024 + 1, 7 * 1024 * 1024], ids=["of API Gateway", "of Lambda"])
def test_a_body_over_a_limit_is_refused(url: str, size: int) -> None:
    """API Gateway takes 10 MB, and Lambda 6 MB."""
    answer = call(f"{url}/open", "PUT", body=b"x" * size, content_type="text/plain")
    assert (answer.status, answer.body) == (413, b'{"message":"Request Entity Too Large"}')


def test_a_browser_is_told_which_origins_may_call(url: str) -> None:
    """Before the request, without a token, and again with the answer, even one of API Gateway's own."""
    origin = "http://localhost:3000"
    asked = call(f"{url}/things/1", "OPTIONS", origin=origin, access_control_request_method="GET")
    assert (asked.status, asked.body) == (204, b"")
    allowed = {name: value for name, value in asked.headers.items() if name.startswith("access-control")}
    assert allowed == {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "GET,PUT",
        "access-control-allow-headers": "authorization",
        "access-control-max-age": "60",
    }
    assert call(f"{url}/things/1", origin=origin).headers["access-control-allow-origin"] == origin


def test_a_browser_is_told_nothing_about_other_origins(url: str) -> None:
    """From which it concludes that it may not."""
    asked = call(f"{url}/open", "OPTIONS", origin="http://evil.example", access_control_request_method="GET")
    answer = call(f"{url}/open", origin="http://evil.example")
    assert asked.status == 204
    assert not [name for name in (*asked.headers, *answer.headers) if name.startswith("access-control")]


def test_a_function_may_be_the_one_that_decides(url: str) -> None:
    """It is asked only if its header is there, and what it says of the caller is passed on."""
    assert call(f"{url}/judged").status == 401
    assert call(f"{url}/judged", authorization="another").status == 403
    let_in = call(f"{url}/judged", authorization="a word")
    assert let_in.json["requestContext"]["authorizer"] == {"lambda": {"sub": "7"}}
