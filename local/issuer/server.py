"""Serves the two documents by which others check the issuer's tokens.

Source: OpenID Connect Discovery 1.0, "Obtaining OpenID Provider Configuration Information"; RFC 7517 (JWKS).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus

from werkzeug.wrappers import Request, Response

from local.issuer.keys import ALGORITHM, SigningKey
from local.machine.wsgi import serve_requests

_DISCOVERY, _KEYS = "/.well-known/openid-configuration", "/.well-known/jwks.json"


@contextmanager
def issuer_server(key: SigningKey, *, port: int) -> Iterator[str]:
    """Serves for the length of the block, and yields the issuer's URL."""
    with serve_requests(partial(_answer, key), port=port, name="issuer") as url:
        yield url


def _answer(key: SigningKey, request: Request) -> Response:
    url = request.host_url.rstrip("/")
    documents = {
        _DISCOVERY: {
            "issuer": url,
            "jwks_uri": f"{url}{_KEYS}",
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
        },
        _KEYS: {"keys": [key.as_jwk()]},
    }
    if request.path not in documents:
        return Response(status=HTTPStatus.NOT_FOUND)
    return Response(json.dumps(documents[request.path]), content_type="application/json")
