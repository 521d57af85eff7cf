"""An OIDC issuer over sockets: discovery, client credentials, the device flow and refresh tokens."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

SECRET = "s3cret-of-the-client"


@dataclass(kw_only=True)
class OIDC:
    #: where the API looks which tokens are good
    claims: dict[str, dict[str, str]]
    expires_in: int = 3_600
    #: what a poll is answered before the token, in order
    polls: list[str] = field(default_factory=list)
    #: the forms that were answered with a token
    granted: list[dict[str, str]] = field(default_factory=list)

    def grant(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.granted.append(form)
        token = f"token-{len(self.granted)}"
        self.claims[token] = {"sub": "ops", "scope": "notifications:operate"}
        return 200, {
            "access_token": token,
            "expires_in": self.expires_in,
            **({"refresh_token": f"refresh-{len(self.granted)}"} if "client_id" in form else {}),
        }

    def answer(self, path: str, form: dict[str, str], secret: str, address: str) -> tuple[int, dict[str, Any]]:
        match path:
            case "/.well-known/openid-configuration":
                names = {"token_endpoint": f"{address}/token", "device_authorization_endpoint": f"{address}/begin"}
                return 200, {"issuer": address, **names}
            case "/begin":
                link = f"{address}/device"
                links = {"verification_uri": link, "verification_uri_complete": f"{link}?code=ABCD-EFGH"}
                codes = {"device_code": "device", "user_code": "ABCD-EFGH"}
                return 200, {**codes, **links, "expires_in": 600, "interval": 1}
            case _ if form["grant_type"] == "client_credentials" and secret != SECRET:
                return 401, {"error": "invalid_client"}
            case _ if form["grant_type"].endswith("device_code") and self.polls:
                return 400, {"error": self.polls.pop(0)}
            case _:
                return self.grant(form)


@contextmanager
def issuing(oidc: OIDC) -> Iterator[str]:
    """The issuer's address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            basic = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
            secret = basic.partition(":")[2]
            status, said = oidc.answer(self.path, dict(parse_qsl(body.decode())), secret, address)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        do_POST = do_GET  # noqa: N815 - the base class looks for this name

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}).start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
