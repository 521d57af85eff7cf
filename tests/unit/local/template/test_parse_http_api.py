"""HTTP APIs are read from a template, and what the local stack could not do as API Gateway does is refused."""

from typing import Any

import pytest

from local.machine.processes import CannotStartError
from local.template.http_api import FunctionAuthorizer, IamAuthorizer, JwtAuthorizer
from local.template.moto_stack import API, API_AUTHORIZER, API_INTEGRATION, API_ROUTE, Resource
from local.template.parse_http_api import parse_http_apis

ARN = "arn:aws:lambda:us-east-1:123456789012:function:answers"
ISSUER = "https://issuer.example"
TOKENS: dict[str, Any] = {
    "AuthorizerType": "JWT",
    "IdentitySource": ["$request.header.Authorization"],
    "JwtConfiguration": {"Issuer": ISSUER, "Audience": ["clients"]},
}
FUNCTION: dict[str, Any] = {
    "AuthorizerType": "REQUEST",
    "AuthorizerUri": f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{ARN}/invocations",
    "AuthorizerPayloadFormatVersion": "2.0",
    "EnableSimpleResponses": True,
    "IdentitySource": ["$request.header.Authorization"],
}


def resource(logical_id: str, kind: str, **properties: Any) -> Resource:
    return Resource(logical_id=logical_id, type=kind, properties=properties, metadata={}, physical_id=None)


def resources(
    *, route: dict[str, Any] | None = None, authorizer: dict[str, Any] | None = None, integration: Any = None
) -> list[Resource]:
    """An API with one route, as the CDK writes it."""
    mine = {"ApiId": {"Ref": "Api"}}
    target = {"Fn::Join": ["", ["integrations/", {"Ref": "Integration"}]]}
    invoked = {"IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "2.0", "IntegrationUri": ARN}
    asked = {"AuthorizationType": "JWT", "AuthorizerId": {"Ref": "Authorizer"}}
    return [
        resource("Api", API, Name="Http", ProtocolType="HTTP"),
        resource("Another", API, Name="Another", ProtocolType="HTTP"),
        resource("Integration", API_INTEGRATION, **mine, **{**invoked, **(integration or {})}),
        resource("Authorizer", API_AUTHORIZER, **mine, **(authorizer or TOKENS)),
        resource("Route", API_ROUTE, **mine, **{"RouteKey": "GET /x", "Target": target, **asked, **(route or {})}),
    ]


@pytest.mark.parametrize(
    ("route", "authorizer", "expected"),
    [
        ({}, TOKENS, JwtAuthorizer(issuer=ISSUER, audience=("clients",))),
        ({"AuthorizationType": "CUSTOM"}, FUNCTION, FunctionAuthorizer(function="answers", headers=("authorization",))),
        ({"AuthorizationType": "AWS_IAM"}, TOKENS, IamAuthorizer()),
        ({"AuthorizationType": "NONE"}, TOKENS, None),
    ],
    ids=["tokens", "function", "signature", "open"],
)
def test_a_route_has_its_function_and_its_door(route: dict[str, Any], authorizer: Any, expected: object) -> None:
    """And belongs to its own API only."""
    api, another = parse_http_apis(resources(route=route, authorizer=authorizer))
    (only,) = api.routes
    assert (only.method, only.path, only.function, only.authorizer) == ("GET", "/x", "answers", expected)
    assert another.routes == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"route": {"RequestParameters": {}}}, "does not support RequestParameters"),
        ({"route": {"Target": "integrations/elsewhere"}}, "not an integration of this template"),
        ({"route": {"AuthorizerId": "elsewhere"}}, "authorizer is not in this template"),
        ({"integration": {"PayloadFormatVersion": "1.0"}}, "payload format 2.0"),
        ({"integration": {"IntegrationType": "HTTP_PROXY"}}, "should be AWS_PROXY"),
        ({"authorizer": {**TOKENS, "IdentitySource": ["$request.querystring.t"]}}, "from the header Authorization"),
        ({"authorizer": {**FUNCTION, "EnableSimpleResponses": False}}, "simple answers"),
    ],
    ids=str,
)
def test_what_would_be_done_differently_is_refused(changes: dict[str, Any], complaint: str) -> None:
    """It must not look as if it had been tried out here."""
    with pytest.raises(CannotStartError, match=complaint):
        parse_http_apis(resources(**changes))
