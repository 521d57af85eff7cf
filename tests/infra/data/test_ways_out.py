"""In a new VPC only send reaches Feishu; where there are endpoints, the other functions reach nothing else."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra.conftest import Stacks
from tests.infra.templates import BROKERS, DEPLOYED, MSK, MYSQL, Resource, Template, listed, stands_in, tagged

WITH: Mapping[str, Any] = {"network": {"new": True, "endpoints": True}}
WITHOUT: Mapping[str, Any] = {"network": {"new": True, "endpoints": False}}
ELSEWHERE: Mapping[str, Any] = {**WITH, "database": {**MYSQL, "port": 3310}}
OF_THE_POLLER = {"lambda", "sts"}
INSIDE = ("ingest", "claim", "prune", "migrate")


def routes(data: Template, subnet: Resource) -> list[Resource]:
    """Without the VPC's own route and those of gateway endpoints."""
    (table,) = [it["RouteTableId"] for it in data.all("AWS::EC2::SubnetRouteTableAssociation")
                if data.named(it["SubnetId"]) == subnet]  # fmt: skip
    return [it for it in data.all("AWS::EC2::Route") if it["RouteTableId"] == table]


def allowed_out(data: Template, group: Resource) -> set[tuple[str, str]]:
    """Target and port, by the group's own rules and those that stand apart from it."""
    beside = [it for it in data.all("AWS::EC2::SecurityGroupEgress") if data.named(it["GroupId"]) == group]
    return {(_whither(data, rule), str(rule.get("FromPort"))) for rule in group.get("SecurityGroupEgress", []) + beside}


def _whither(data: Template, rule: Resource) -> str:
    target = rule.get("DestinationSecurityGroupId")
    return data.named(target)["GroupDescription"].split(";")[0].split(": ")[1] if target else str(rule["CidrIp"])


def endpoints(data: Template) -> dict[str, Resource]:
    """By the last part of the service's name."""
    return {_service(it): it for it in data.all("AWS::EC2::VPCEndpoint")}


def _service(endpoint: Resource) -> str:
    return str(endpoint["ServiceName"]["Fn::Join"][1][-1]).lstrip(".")


@pytest.mark.parametrize("word", INSIDE)
def test_with_endpoints_no_route_leads_out_from_where_a_function_stands_that_needs_none(
    word: str, both: Stacks
) -> None:
    """All that a record makes it do happens inside."""
    stacks = both("prod", WITH)
    for subnet in stands_in(word, stacks, "SubnetIds"):
        assert routes(stacks["data"], subnet) == []
    assert len(stands_in(word, stacks, "SubnetIds")) >= 2


@pytest.mark.parametrize(("stage", "way"), [("prod", "NatGatewayId"), ("dev", "InstanceId")])
@pytest.mark.parametrize("over", [WITH, WITHOUT])
def test_send_s_packets_leave_by_nat(stage: str, way: str, over: Mapping[str, Any], both: Stacks) -> None:
    """With and without endpoints, since Feishu is on the internet."""
    stacks = both(stage, over)
    for subnet in stands_in("send", stacks, "SubnetIds"):
        (route,) = routes(stacks["data"], subnet)
        assert (route["DestinationCidrBlock"], way in route) == ("0.0.0.0/0", True)


def test_without_endpoints_every_function_has_the_way_out(both: Stacks) -> None:
    """Otherwise it would reach neither its secret nor its queue."""
    stacks = both("prod", WITHOUT)
    for word in DEPLOYED:
        assert all(routes(stacks["data"], subnet) for subnet in stands_in(word, stacks, "SubnetIds"))


def test_send_may_reach_https_anywhere_and_mysql(both: Stacks) -> None:
    """No other port anywhere; the rule for endpoints comes from their own group."""
    for over in (WITH, WITHOUT):
        stacks = both("prod", over)
        (group,) = stands_in("send", stacks, "SecurityGroupIds")
        out = allowed_out(stacks["data"], group)
        assert {where for where, _ in out} - {"endpoints of AWS services"} == {"0.0.0.0/0", "MySQL"}
        assert {port for where, port in out if where == "0.0.0.0/0"} == {"443"}


@pytest.mark.parametrize("word", ["ingest", "claim", "prune"])
def test_with_endpoints_ingest_claim_and_prune_may_reach_mysql_and_endpoints(word: str, both: Stacks) -> None:
    """Neither the internet nor anything else in the VPC."""
    stacks = both("prod", WITH)
    (group,) = stands_in(word, stacks, "SecurityGroupIds")
    assert {where for where, _ in allowed_out(stacks["data"], group)} == {"MySQL", "endpoints of AWS services"}


@pytest.mark.parametrize(("word", "ports"), [("send", {"443", "3310"}), ("claim", {"3310"})])
def test_a_mysql_elsewhere_may_be_reached_at_its_port(word: str, ports: set[str], both: Stacks) -> None:
    """Its address is only known by name, so the rule names the port alone."""
    stacks = both("prod", ELSEWHERE)
    (group,) = stands_in(word, stacks, "SecurityGroupIds")
    assert {port for where, port in allowed_out(stacks["data"], group) if where == "0.0.0.0/0"} == ports


def test_nobody_comes_in_to_a_function(both: Stacks) -> None:
    """Lambda does not call a function through the VPC."""
    stacks = both("prod", WITH)
    groups = [group for word in DEPLOYED for group in stands_in(word, stacks, "SecurityGroupIds")]
    entered = [stacks["data"].named(it["GroupId"]) for it in stacks["data"].all("AWS::EC2::SecurityGroupIngress")]
    assert not any("SecurityGroupIngress" in group or group in entered for group in groups)


def test_there_are_the_endpoints_that_are_called_and_no_others(both: Stacks) -> None:
    """Each costs by the hour and zone; S3's, where a migration's answer goes, is free and always there."""
    functions = {"s3", "secretsmanager", "sqs"}
    assert set(endpoints(both("prod", {**WITH, "kafka": {"pollers": {}}})["data"])) == functions
    assert set(endpoints(both("prod", {**WITH, "kafka": MSK})["data"])) == functions
    assert set(endpoints(both("prod", WITH)["data"])) == functions | OF_THE_POLLER
    assert set(endpoints(both("prod", WITHOUT)["data"])) == {"s3"}


def test_s3_takes_an_answer_to_cloudformation_and_nothing_else_from_where_functions_stand(both: Stacks) -> None:
    """Whoever reads the master's secret can write it to no bucket of his own. The NAT's subnets do not use it."""
    data = both("prod", WITH)["data"]
    endpoint = endpoints(data)["s3"]
    (statement,) = endpoint["PolicyDocument"]["Statement"]
    assert statement["Action"] == "s3:PutObject"
    without_dashes = {"Fn::Join": ["", {"Fn::Split": ["-", {"Ref": "AWS::Region"}]}]}
    place = ":s3:::cloudformation-custom-resource-response-"
    assert statement["Resource"]["Fn::Join"][1] == ["arn:", {"Ref": "AWS::Partition"}, place, without_dashes, "/*"]
    tables = {str(it): tagged(data.named(it), "Name").rpartition("/")[2] for it in endpoint["RouteTableIds"]}
    assert {name.rstrip("123") for name in tables.values()} == {"FunctionsSubnet", "DataSubnet"}


@pytest.mark.parametrize("kafka", [{}, BROKERS])
def test_kafka_s_poller_outlives_the_zone_of_the_nat(kafka: Mapping[str, Any], both: Stacks) -> None:
    """It calls STS and Lambda by endpoints in every zone, as Lambda's own principal, and its group is let in."""
    data = both("prod", {**WITH, "kafka": kafka})["data"]
    (group,) = endpoints(data)["sts"]["SecurityGroupIds"]
    entered = [it for it in data.all("AWS::EC2::SecurityGroupIngress") if it["GroupId"] == group]
    let_in = {data.named(it["SourceSecurityGroupId"])["GroupDescription"] for it in entered}
    assert any(("poller" if kafka == {} else "the functions") in it for it in let_in)
    for name, action in {"sts": "sts:AssumeRole", "lambda": "lambda:InvokeFunction"}.items():
        endpoint = endpoints(data)[name]
        (statement,) = endpoint["PolicyDocument"]["Statement"]
        assert (statement["Principal"], statement["Action"]) == ({"Service": "lambda.amazonaws.com"}, action)
        assert len(endpoint["SubnetIds"]) == 3


def test_a_nat_in_each_zone_has_an_address_in_each(both: Stacks) -> None:
    """Each zone's packets leave by its own, and the stack tells all addresses."""
    data = both("prod", {"network": {"nat": "gateway_per_zone"}, "kafka": MSK})["data"]
    assert len(data.all("AWS::EC2::NatGateway")) == len(data.all("AWS::EC2::EIP")) == 3
    ways = {str(it["NatGatewayId"]) for it in data.all("AWS::EC2::Route") if "NatGatewayId" in it}
    assert len(ways) == 3
    told = data.body["Outputs"]["FeishuEgressAddress"]["Value"]["Fn::Join"][1]
    assert len([it for it in told if isinstance(it, dict)]) == 3


def test_every_function_s_group_comes_in_to_the_endpoints(both: Stacks) -> None:
    """Everybody in the VPC gets the endpoint for the service's name; a group that is not let in would time out."""
    stacks = both("prod", WITH)
    data = stacks["data"]
    (group,) = endpoints(data)["sqs"]["SecurityGroupIds"]
    entered = [it for it in data.all("AWS::EC2::SecurityGroupIngress") if it["GroupId"] == group]
    let_in = [data.named(it["SourceSecurityGroupId"]) for it in entered]
    for word in DEPLOYED:
        assert all(it in let_in for it in stands_in(word, stacks, "SecurityGroupIds"))
    assert {it["FromPort"] for it in entered} == {443}
    assert "SecurityGroupIngress" not in data.named(group)


def test_an_endpoint_serves_this_account_and_what_functions_do(both: Stacks) -> None:
    """Other accounts' credentials are refused, and private names keep the code unaware of it."""
    stacks = both("prod", WITH)
    for name in ("secretsmanager", "sqs"):
        endpoint = endpoints(stacks["data"])[name]
        (statement,) = endpoint["PolicyDocument"]["Statement"]
        assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}}
        for word in INSIDE:
            done = {action for action in stacks["delivery"].allowed(word) if action.startswith(f"{name}:")}
            assert done <= set(listed(statement["Action"]))
        assert endpoint["PrivateDnsEnabled"] is True
        assert len(endpoint["SubnetIds"]) >= 2
