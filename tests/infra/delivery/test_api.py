"""The HTTP API as a stage asks for it: its doors, the kinds of tokens, and what it takes."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from delivery.aws.api.channels import ROOT
from tests.infra import watched
from tests.infra.conftest import Synthesis
from tests.infra.delivery.test_permissions import BY_SECRET, EVERY
from tests.infra.templates import BROKERS, MYSQL, NO_VPC, Template, environment

ISSUER: Mapping[str, Any] = {"issuer": "https://login.example.com/realms/app", "audience": ["front-end", "mobile"]}
SECRET = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:tokens-AbCdEf"
CERTIFICATE = "arn:aws:acm:eu-west-1:111111111111:certificate/0a1b2c3d-1111-2222-3333-444455556666"
WHOLE: Mapping[str, Any] = {
    "tokens": ISSUER,
    "requests_per_second": 30,
    "burst": 60,
    "allowed_origins": ["https://app.example.com"],
    "domain": {"name": "notifications.example.com", "certificate_arn": CERTIFICATE},
}
#: of a VPC, with an existing MySQL and existing brokers
OUTSIDE: Mapping[str, Any] = {"network": NO_VPC, "database": MYSQL, "kafka": BROKERS}
CHANNEL, CHANNEL_OF = f"{ROOT}/channels/{{way}}", f"{ROOT}/users/{{user_id}}/channels/{{way}}"
USERS = {f"{method} {CHANNEL}" for method in ("GET", "PUT", "DELETE")} | {f"POST {CHANNEL}/test"}
BACKENDS = {route.replace(CHANNEL, CHANNEL_OF) for route in USERS}
OPERATORS = {f"{method} {ROOT}/operate/{{proxy+}}" for method in ("GET", "POST")}


def with_api(synth: Synthesis, **api: Any) -> Template:
    old = "arn:aws:kms:eu-west-1:111111111111:key/0a1b2c3d-1111-2222-3333-444455556666"
    return synth("dev", {**OUTSIDE, "old_data_key_arns": [old], "api": api})


@pytest.fixture(scope="module")
def whole(synth: Synthesis) -> Template:
    return with_api(synth, **WHOLE)


@pytest.fixture(scope="module")
def by_secret(synth: Synthesis) -> Template:
    tokens = {"hs256_secret_arn": SECRET, "token_issuer": "backend", "token_audience": "front-end"}
    return with_api(synth, tokens=tokens, user_claim="user_id", snap_start=False)


@pytest.fixture(scope="module")
def new_pool(synth: Synthesis) -> Template:
    return with_api(synth, tokens={"new_user_pool": True})


def routes(template: Template) -> Mapping[str, Mapping[str, Any]]:
    return {it["RouteKey"]: it for it in template.all("AWS::ApiGatewayV2::Route")}


def test_a_stage_without_the_setting_has_no_api(beside: Template) -> None:
    """Neither a function nor a route."""
    assert not any("ApiGateway" in it["Type"] for it in beside.body["Resources"].values())
    assert "ApiUrl" not in beside.body["Outputs"]


def test_each_route_has_its_door(whole: Template) -> None:
    """Users and operators come with a token, backends with their AWS identity; only the description is open."""
    by_kind: dict[str, set[str]] = {}
    for key, route in routes(whole).items():
        by_kind.setdefault(route["AuthorizationType"], set()).add(key)
    assert by_kind == {"JWT": USERS | OPERATORS, "AWS_IAM": BACKENDS, "NONE": {"GET /openapi.json"}}


def test_tokens_of_an_issuer_are_for_its_audience(whole: Template) -> None:
    """API Gateway reads them from the header alone."""
    authorizer = whole.one("AWS::ApiGatewayV2::Authorizer")
    assert authorizer["JwtConfiguration"] == {"Issuer": ISSUER["issuer"], "Audience": ["front-end", "mobile"]}
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]


def test_tokens_of_an_existing_pool_are_for_its_clients(synth: Synthesis) -> None:
    """In the stage's own region."""
    template = with_api(synth, tokens={"user_pool_id": "eu-west-1_AbCdEf", "client_ids": ["4f5g6h"]})
    given = template.one("AWS::ApiGatewayV2::Authorizer")["JwtConfiguration"]
    assert given["Audience"] == ["4f5g6h"]
    assert "cognito-idp." in json.dumps(given["Issuer"])
    assert "eu-west-1_AbCdEf" in json.dumps(given["Issuer"])
    assert not template.all("AWS::Cognito::UserPool")


def test_a_new_pool_has_a_client_for_people_and_one_for_programs(new_pool: Template) -> None:
    """Only programs get the operators' scope by a secret; nobody signs up by himself."""
    pool = new_pool.one("AWS::Cognito::UserPool")
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12
    clients = new_pool.all("AWS::Cognito::UserPoolClient")
    people, programs = sorted(clients, key=lambda it: bool(it.get("GenerateSecret")))
    assert programs["AllowedOAuthFlows"] == ["client_credentials"]
    assert "operate" in json.dumps(programs["AllowedOAuthScopes"])
    assert "operate" not in json.dumps(people)
    assert {"UserPoolId", "UserPoolClientId", "OperatorClientId"} <= set(new_pool.body["Outputs"])
    audience = new_pool.one("AWS::ApiGatewayV2::Authorizer")["JwtConfiguration"]["Audience"]
    assert [new_pool.named(it) for it in audience] == [people, programs]


def test_a_new_pool_goes_with_its_stage_or_stays(new_pool: Template, synth: Synthesis) -> None:
    """As the stage's data does."""
    pool = {"tokens": {"new_user_pool": True}}
    kept = synth("prod", {**OUTSIDE, "api": pool})
    policies = [
        it["DeletionPolicy"]
        for template in (new_pool, kept)
        for it in template.body["Resources"].values()
        if it["Type"] == "AWS::Cognito::UserPool"
    ]
    assert policies == ["Delete", "Retain"]


def test_the_backend_s_own_tokens_are_checked_by_a_function(by_secret: Template) -> None:
    """For each request anew, also for one without a token, which API Gateway would answer by itself."""
    authorizer = by_secret.one("AWS::ApiGatewayV2::Authorizer")
    assert authorizer["AuthorizerType"] == "REQUEST"
    assert (authorizer["EnableSimpleResponses"], authorizer["AuthorizerPayloadFormatVersion"]) == (True, "2.0")
    assert authorizer["AuthorizerResultTtlInSeconds"] == 0
    assert not authorizer.get("IdentitySource")
    assert {it["AuthorizationType"] for key, it in routes(by_secret).items() if key in USERS | OPERATORS} == {"CUSTOM"}
    given = environment(by_secret.function("authorizer"))
    assert [given[f"TOKEN_{it}"] for it in ("SECRET_ARN", "ISSUER", "AUDIENCE")] == [SECRET, "backend", "front-end"]
    assert given["USER_CLAIM"] == environment(by_secret.function("api"))["USER_CLAIM"] == "user_id"


def test_the_functions_may_do_this_and_nothing_else(by_secret: Template, whole: Template) -> None:
    """The authorizer reads one secret; the API seals and opens credentials, and publishes pointers."""
    assert set(by_secret.allowed("authorizer")) == EVERY | BY_SECRET
    assert by_secret.allowed("authorizer")["secretsmanager:GetSecretValue"] == [SECRET]
    for template in (by_secret, whole):
        allowed = template.allowed("api")
        assert set(allowed) == EVERY | BY_SECRET | {"kms:Decrypt", "kms:GenerateDataKey", "sqs:SendMessage"}
        key, old = sorted(allowed["kms:Decrypt"], key=lambda it: isinstance(it, str))
        assert template.kind_of(key) == "AWS::KMS::Key"
        assert old.startswith("arn:aws:kms:")
        assert allowed["kms:GenerateDataKey"] == [key]
        assert allowed["sqs:SendMessage"] == [template.source("send")["EventSourceArn"]]


def test_only_this_api_may_call_its_functions(by_secret: Template) -> None:
    """Each by API Gateway, from a route of this very API."""
    permissions = by_secret.all("AWS::Lambda::Permission")
    assert {it["Principal"] for it in permissions} == {"apigateway.amazonaws.com"}
    assert all("execute-api" in json.dumps(it["SourceArn"]) for it in permissions)


def test_the_edge_waits_as_long_as_the_function_works(whole: Template, synth: Synthesis) -> None:
    """8 seconds, of which 6 are for the work."""
    assert whole.function("api")["Timeout"] == 8
    assert {it["TimeoutInMillis"] for it in whole.all("AWS::ApiGatewayV2::Integration")} == {8_000}
    assert {it["PayloadFormatVersion"] for it in whole.all("AWS::ApiGatewayV2::Integration")} == {"2.0"}


def test_throttling_cors_and_domain_are_the_stage_s(whole: Template, by_secret: Template) -> None:
    """Without origins a browser elsewhere is refused; without a domain the API has AWS's name."""
    stage = whole.one("AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 30, "ThrottlingBurstLimit": 60}
    cors = whole.one("AWS::ApiGatewayV2::Api")["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["https://app.example.com"]
    assert (sorted(cors["AllowMethods"]), cors["AllowHeaders"]) == (
        ["DELETE", "GET", "POST", "PUT"],
        ["authorization", "content-type"],
    )
    assert "AllowCredentials" not in cors
    assert "CorsConfiguration" not in by_secret.one("AWS::ApiGatewayV2::Api")
    domain = whole.one("AWS::ApiGatewayV2::DomainName")
    assert domain["DomainName"] == "notifications.example.com"
    assert domain["DomainNameConfigurations"][0]["CertificateArn"] == CERTIFICATE
    assert whole.body["Outputs"]["ApiUrl"]["Value"] == "https://notifications.example.com"
    assert not by_secret.all("AWS::ApiGatewayV2::DomainName")


def test_the_access_log_says_nothing_of_tokens_bodies_and_queries(whole: Template) -> None:
    """Queries may hold a user's id; the log is encrypted and ends when the stage says."""
    settings = whole.one("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]
    group = whole.named(settings["DestinationArn"])
    assert group["RetentionInDays"] == 7
    assert "KmsKeyId" in group
    line = json.loads(settings["Format"])
    assert {"request_id", "method", "route", "status", "latency_ms"} <= set(line)
    said = settings["Format"].lower()
    assert not any(word in said for word in ("authorization", "query", "body", "$context.path", "header", "claims"))


def test_snap_start_serves_a_published_version(whole: Template, by_secret: Template) -> None:
    """Lambda has no snapshot of what was not published."""
    assert whole.function("api")["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    (integration,) = {json.dumps(it["IntegrationUri"]) for it in whole.all("AWS::ApiGatewayV2::Integration")}
    assert whole.kind_of(json.loads(integration)) == "AWS::Lambda::Alias"
    assert "SnapStart" not in by_secret.function("api")
    assert not by_secret.all("AWS::Lambda::Version")


def test_the_api_is_watched(whole: Template) -> None:
    """Its own answers by API Gateway's count, its function with all others."""
    alarms = watched.alarms(whole)
    assert {"ApiFailing", "ApiErrors"} <= set(alarms)
    ((namespace, name, _),) = watched.of_alarm(alarms["ApiFailing"])
    assert (namespace, name) == ("AWS/ApiGateway", "5xx")
    shown = {metric[1] for metric in watched.of_dashboard(whole) if metric[0] == "AWS/ApiGateway"}
    assert shown == {"Count", "4xx", "5xx", "Latency"}


def test_the_outputs_name_the_address_and_the_function(whole: Template) -> None:
    """What docs/api.md tells to look for."""
    assert {"ApiUrl", "ApiFunctionName", "ApiDomainTarget"} <= set(whole.body["Outputs"])


def test_the_migration_makes_the_api_s_user_where_there_is_an_api(whole: Template, beside: Template) -> None:
    """Least privilege: nobody may log in as a function that is not there."""
    with_one, without = (set(environment(it.function("migrate"))["FUNCTIONS"].split(",")) for it in (whole, beside))
    assert with_one - without == {"api"}
    assert {"claim", "ingest", "send"} <= without < with_one


def test_the_api_waits_for_its_tables(whole: Template) -> None:
    """A deployment migrates first."""
    resources = whole.body["Resources"]
    (migration,) = [name for name, it in resources.items() if it["Type"] == "Custom::Migrations"]
    (function,) = [it for it in resources.values() if it.get("Properties") == whole.function("api")]
    assert migration in function["DependsOn"]


def test_one_machine_has_no_snapshots(local: Template) -> None:
    """Whatever its Python is; the stage takes the setting all the same."""
    assert "SnapStart" not in local.function("api")
    assert not local.all("AWS::Lambda::Alias")
