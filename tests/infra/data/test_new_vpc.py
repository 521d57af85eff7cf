"""A new VPC has a way out that suits the stage, and nothing comes in."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra.conftest import Stacks
from tests.infra.templates import BROKERS, Resource, Template, tagged


def test_a_gateway_has_a_fixed_address_and_the_stack_tells_it(both: Stacks) -> None:
    """It stands in Feishu's lists of allowed addresses, so it must not change with the gateway."""
    data = both("prod")["data"]
    gateway = data.one("AWS::EC2::NatGateway")
    address = data.body["Outputs"]["FeishuEgressAddress"]["Value"]
    assert data.named(gateway["AllocationId"]) == data.named(address) == data.one("AWS::EC2::EIP")


def test_a_nat_instance_has_a_fixed_address_as_well(both: Stacks) -> None:
    """From its start: without an address it could not fetch its software."""
    data = both("dev")["data"]
    address = data.named(data.body["Outputs"]["FeishuEgressAddress"]["Value"])
    assert data.named(address["InstanceId"]) == data.one("AWS::EC2::Instance")
    assert data.one("AWS::EC2::Instance")["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is True


def test_a_nat_instance_is_small_and_used_from_inside_only(both: Stacks) -> None:
    """An open one would be a proxy for everybody."""
    data = both("dev")["data"]
    instance = data.one("AWS::EC2::Instance")
    assert (instance["InstanceType"], instance["SourceDestCheck"]) == ("t4g.nano", False)
    (group,) = instance["NetworkInterfaces"][0]["GroupSet"]
    assert [it["CidrIp"] for it in data.named(group)["SecurityGroupIngress"]] == ["10.0.0.0/16"]
    assert not data.all("AWS::EC2::NatGateway")


def test_nobody_logs_in_to_a_nat_instance_and_it_updates_itself(both: Stacks) -> None:
    """It has no key, its role may do nothing, and Amazon Linux stays at its image's release unless it is told."""
    data = both("dev")["data"]
    instance = data.one("AWS::EC2::Instance")
    boot = instance["UserData"]["Fn::Base64"]
    assert "KeyName" not in instance
    assert "systemctl disable --now sshd" in boot
    assert "--releasever=latest upgrade\nExecStart=/usr/bin/systemctl reboot" in boot
    assert "OnCalendar=Sun 04:00" in boot
    assert "systemctl enable --now update.timer" in boot
    (role,) = data.named(instance["IamInstanceProfile"])["Roles"]
    assert [*data.statements(role)] == []


def test_a_vpc_spans_two_zones_and_is_looked_up_nowhere(both: Stacks) -> None:
    """Even when the stage names its account and the CDK would look up the zones' names."""
    data = both("dev", {"account": "333333333333", "region": "eu-west-1"})["data"]
    zones = {str(it["AvailabilityZone"]) for it in data.all("AWS::EC2::Subnet")}
    assert zones == {str({"Fn::Select": [index, {"Fn::GetAZs": ""}]}) for index in (0, 1)}


def test_a_vpc_spans_a_third_zone_when_the_stage_asks_for_it(both: Stacks) -> None:
    """Brokers in three zones survive the loss of one; a smaller network still has room for all subnets."""
    for cidr in ("10.0.0.0/16", "10.0.0.0/23"):
        data = both("prod", {"network": {"cidr": cidr}, "kafka": BROKERS})["data"]
        assert len({str(it["AvailabilityZone"]) for it in data.all("AWS::EC2::Subnet")}) == 3
        assert len(data.all("AWS::EC2::NatGateway")) == 1


def test_zones_may_be_named(both: Stacks) -> None:
    """In the order in which they stand there, and as many as there are."""
    names = ["eu-west-1c", "eu-west-1a"]
    data = both("dev", {"region": "eu-west-1", "network": {"availability_zones": names}})["data"]
    by_kind = {kind: [it["AvailabilityZone"] for it in subnets(data, kind)] for kind in ("Public", "Private")}
    assert by_kind == {"Public": names, "Private": names}


@pytest.mark.parametrize(("cidr", "few", "many"), [("10.0.0.0/16", 2, 6), ("10.0.0.0/22", 2, 4), ("10.0.0.0/23", 2, 3)])
def test_a_zone_more_moves_no_subnet(cidr: str, few: int, many: int, both: Stacks) -> None:
    """A subnet with other addresses would be another subnet, and nothing that stands in it would work on."""
    made = [
        {logical: it["Properties"]["CidrBlock"] for logical, it in resources if it["Type"] == "AWS::EC2::Subnet"}
        for zones in (few, many)
        for resources in [both("dev", network(cidr, zones))["data"].body["Resources"].items()]
    ]
    assert made[0].items() <= made[1].items()
    assert (len(made[0]), len(made[1])) == (3 * few, 3 * many)


def network(cidr: str, zones: int) -> Mapping[str, Any]:
    return {"network": {"cidr": cidr, "zones": zones}, "kafka": BROKERS}


def subnets(data: Template, kind: str) -> list[Resource]:
    return [it for it in data.all("AWS::EC2::Subnet") if tagged(it, "aws-cdk:subnet-type") == kind]


def test_what_the_vpc_refused_is_logged_under_a_key(both: Stacks) -> None:
    """For as long as the stage keeps logs."""
    data = both("dev")["data"]
    flow = data.one("AWS::EC2::FlowLog")
    group = data.named(flow["LogGroupName"])
    assert flow["TrafficType"] == "REJECT"
    assert group["RetentionInDays"] == 7
    assert data.kind_of(group["KmsKeyId"]) == "AWS::KMS::Key"


def test_self_managed_brokers_are_polled_from_the_new_vpc(both: Stacks) -> None:
    """As in an existing VPC: two subnets, one group and the login."""
    accesses = both("dev", {"kafka": BROKERS})["delivery"].source("ingest")["SourceAccessConfigurations"]
    assert sorted(it["Type"] for it in accesses) == [
        "SASL_SCRAM_512_AUTH",
        "VPC_SECURITY_GROUP",
        "VPC_SUBNET",
        "VPC_SUBNET",
    ]
