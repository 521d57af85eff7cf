"""The HTTP APIs of a deployment, as its template describes them: routes, who is let in on each, and CORS."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtAuthorizer:
    issuer: str
    audience: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionAuthorizer:
    #: the function's name
    function: str
    #: headers without which a request is refused before the function is asked; names in lower case
    headers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IamAuthorizer:
    """Requests are signed with AWS credentials."""


Authorizer = JwtAuthorizer | FunctionAuthorizer | IamAuthorizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    #: `GET /records/{id}`, `POST /{proxy+}`, or `$default`
    key: str
    #: the name of the function that answers
    function: str
    #: None: open to everybody
    authorizer: Authorizer | None
    #: The scopes of which a token must have one, if there are any.
    scopes: tuple[str, ...]

    @property
    def method(self) -> str:
        return self.key.partition(" ")[0] if " " in self.key else "ANY"

    @property
    def path(self) -> str:
        return self.key.partition(" ")[2] or "/{proxy+}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    credentials: bool
    max_age: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpApi:
    logical_id: str
    routes: Sequence[Route]
    cors: Cors | None
