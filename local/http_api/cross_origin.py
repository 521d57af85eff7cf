"""Answers browsers' questions about other origins (CORS) in the functions' place.

Source: API Gateway developer guide, "Configure CORS for HTTP APIs".
"""

from local.http_api.request import HttpRequest
from local.template.http_api import Cors


def is_preflight(request: HttpRequest) -> bool:
    asked = "access-control-request-method" in request.headers
    return request.method == "OPTIONS" and "origin" in request.headers and asked


def preflight_headers(cors: Cors, request: HttpRequest) -> dict[str, str]:
    """The headers for a preflight. An origin that is not allowed gets none, so its browser does not call."""
    allowed = allowing_headers(cors, request)
    if not allowed:
        return {}
    told = {
        "access-control-allow-methods": ",".join(cors.methods),
        "access-control-allow-headers": ",".join(cors.headers),
        "access-control-max-age": "" if cors.max_age is None else str(cors.max_age),
    }
    return {**allowed, **{name: value for name, value in told.items() if value}}


def allowing_headers(cors: Cors, request: HttpRequest) -> dict[str, str]:
    """The headers of every answer to an allowed origin."""
    origin = request.headers.get("origin")
    if origin is None or not {origin, "*"} & set(cors.origins):
        return {}
    headers = {"access-control-allow-origin": origin if origin in cors.origins else "*"}
    if cors.credentials:
        headers["access-control-allow-credentials"] = "true"
    if cors.exposed:
        headers["access-control-expose-headers"] = ",".join(cors.exposed)
    return headers
