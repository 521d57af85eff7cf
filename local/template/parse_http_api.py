"""Reads HTTP APIs (AWS::ApiGatewayV2) from the resources of a template whose references are resolved.

Only what stands between two resources of an API is still a reference, because moto does not make them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from local.machine.processes import CannotStartError
from local.template.http_api import Authorizer, Cors, FunctionAuthorizer, HttpApi, IamAuthorizer, JwtAuthorizer, Route
from local.template.intrinsics import references
from local.template.moto_stack import API, API_AUTHORIZER, API_INTEGRATION, API_ROUTE, Resource
from local.template.properties import checked, function_name

_OF_APIS = {"Name", "Description", "ProtocolType", "CorsConfiguration", "DisableExecuteApiEndpoint"}
_OF_ROUTES = {"ApiId", "RouteKey", "Target", "AuthorizationType", "AuthorizerId", "AuthorizationScopes"}
_OF_INTEGRATIONS = {"ApiId", "IntegrationType", "IntegrationUri", "PayloadFormatVersion", "TimeoutInMillis"}
_OF_TOKENS = {"ApiId", "AuthorizerType", "Name", "IdentitySource", "JwtConfiguration"}
_OF_FUNCTIONS = {
    *("ApiId", "AuthorizerType", "Name", "IdentitySource", "AuthorizerUri", "AuthorizerCredentialsArn"),
    *("AuthorizerPayloadFormatVersion", "AuthorizerResultTtlInSeconds", "EnableSimpleResponses"),
}
_HEADER = "$request.header."


def parse_http_apis(resources: Sequence[Resource]) -> list[HttpApi]:
    by_id = {resource.logical_id: resource for resource in resources}
    return [_http_api(resource, by_id) for resource in resources if resource.type == API]


def _http_api(resource: Resource, by_id: Mapping[str, Resource]) -> HttpApi:
    given = checked(resource, _OF_APIS)
    mine = [it for it in by_id.values() if it.type == API_ROUTE and _one_of(it, "ApiId", API, by_id) is resource]
    cors = given.get("CorsConfiguration")
    return HttpApi(
        logical_id=resource.logical_id,
        routes=[_route(route, by_id) for route in mine],
        cors=_cors(cors) if cors else None,
    )


def _route(resource: Resource, by_id: Mapping[str, Resource]) -> Route:
    given = checked(resource, _OF_ROUTES)
    integration = _one_of(resource, "Target", API_INTEGRATION, by_id)
    if integration is None:
        raise CannotStartError(f"{resource.logical_id}: its target is not an integration of this template")
    return Route(
        key=given["RouteKey"],
        function=_function(integration),
        authorizer=_authorizer(resource, by_id),
        scopes=tuple(given.get("AuthorizationScopes", ())),
    )


def _function(integration: Resource) -> str:
    given = checked(integration, _OF_INTEGRATIONS)
    if (kind := (given["IntegrationType"], given.get("PayloadFormatVersion"))) != ("AWS_PROXY", "2.0"):
        raise CannotStartError(f"{integration.logical_id}: should be AWS_PROXY with payload format 2.0, is {kind}")
    return function_name(integration, given["IntegrationUri"])


def _authorizer(route: Resource, by_id: Mapping[str, Resource]) -> Authorizer | None:
    match route.properties.get("AuthorizationType", "NONE"):
        case "NONE":
            return None
        case "AWS_IAM":
            return IamAuthorizer()
    resource = _one_of(route, "AuthorizerId", API_AUTHORIZER, by_id)
    if resource is None:
        raise CannotStartError(f"{route.logical_id}: its authorizer is not in this template")
    return _of_tokens(resource) if resource.properties["AuthorizerType"] == "JWT" else _of_function(resource)


def _of_tokens(resource: Resource) -> JwtAuthorizer:
    given = checked(resource, _OF_TOKENS)
    if given["IdentitySource"] != [f"{_HEADER}Authorization"]:
        raise CannotStartError(f"{resource.logical_id}: the local stack reads tokens from the header Authorization")
    configured = given["JwtConfiguration"]
    return JwtAuthorizer(issuer=configured["Issuer"], audience=tuple(configured["Audience"]))


def _of_function(resource: Resource) -> FunctionAuthorizer:
    given = checked(resource, _OF_FUNCTIONS)
    sources = given.get("IdentitySource", [])
    simple = given.get("EnableSimpleResponses") and given.get("AuthorizerPayloadFormatVersion") == "2.0"
    if not simple or not all(source.startswith(_HEADER) for source in sources):
        raise CannotStartError(f"{resource.logical_id}: should give simple answers in format 2.0, by headers alone")
    return FunctionAuthorizer(
        function=function_name(resource, given["AuthorizerUri"]),
        headers=tuple(source.removeprefix(_HEADER).lower() for source in sources),
    )


def _cors(given: Mapping[str, Any]) -> Cors:
    return Cors(
        origins=tuple(given.get("AllowOrigins", ())),
        methods=tuple(given.get("AllowMethods", ())),
        headers=tuple(given.get("AllowHeaders", ())),
        exposed=tuple(given.get("ExposeHeaders", ())),
        credentials=bool(given.get("AllowCredentials")),
        max_age=given.get("MaxAge"),
    )


def _one_of(resource: Resource, name: str, kind: str, by_id: Mapping[str, Resource]) -> Resource | None:
    """The resource of this kind that the property refers to."""
    named = (by_id.get(it) for it in references(resource.properties.get(name)))
    return next((it for it in named if it and it.type == kind), None)
