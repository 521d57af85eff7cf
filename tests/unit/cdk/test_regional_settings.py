"""Zones, addresses, what a region lacks and how an existing MSK is logged in to: refused before anything is made."""

from typing import Any

import pytest

from tests.unit.cdk.stages import CLUSTER, KEY, LEAST, MYSQL, NEW, SECRET, VPC, lines, over, settings


@pytest.mark.parametrize(
    ("stage", "changes", "line"),
    [
        (
            NEW,
            {"network": {"zones": 3, "cidr": "10.0.0.0/24"}},
            "network.cidr: should be larger than 10.0.0.0/24, which",
        ),
        (
            NEW,
            {"network": {"zones": 4, "cidr": "10.0.0.0/23"}},
            "network.cidr: should be larger than 10.0.0.0/23, which",
        ),
        (
            NEW,
            {"network": {"zones": 3, "availability_zones": ["us-west-1a", "us-west-1c"]}},
            "network.zones: should be 2, as many as network.availability_zones names, or left out",
        ),
        (
            NEW,
            {"network": {"availability_zones": ["us-west-1a", "us-west-1a"]}},
            "network.availability_zones: should be different zones, is us-west-1a, us-west-1a",
        ),
        (
            NEW,
            {"region": "us-west-2", "network": {"availability_zones": ["us-west-2a", "us-west-1c"]}},
            "network.availability_zones: should be zones of us-west-2, the stage's region, is us-west-1c",
        ),
        (
            NEW,
            {"region": "ap-east-2", "database": {"new": {"rotation_days": 0}}},
            "database.ca_file: /opt/rds-ca.pem lacks RDS's authorities of ap-east-2; put AWS",
        ),
        (
            NEW,
            {"region": "eu-central-2"},
            "database.new.rotation_days: should be 0 in eu-central-2, is 30; AWS's functi",
        ),
        (
            {**LEAST, "network": VPC, "database": MYSQL},
            {"database": {"endpoint": "mysql.abc.ap-southeast-6.rds.amazonaws.com"}},
            "database.ca_file: /opt/rds-ca.pem lacks RDS's authorities of ap-southeast-6; put AWS's bundle of that reg",
        ),
        (
            {**LEAST, "kafka": {"cluster_arn": CLUSTER, "auth_secret_arn": SECRET, "auth_mechanism": "PLAIN"}},
            {},
            "kafka.auth_mechanism: should be SCRAM-SHA-512 or TLS with kafka.cluster_arn, is PLAIN",
        ),
        (
            {**LEAST, "kafka": {"cluster_arn": CLUSTER, "auth_mechanism": "TLS"}},
            {},
            "kafka.auth_secret_arn: is missing; TLS needs a certificate and its private key",
        ),
        (
            {**LEAST, "kafka": {"cluster_arn": CLUSTER, "secrets_key_arn": KEY}},
            {},
            "kafka.secrets_key_arn: is the key of kafka.auth_secret_arn; leave it out without",
        ),
        (
            {**LEAST, "kafka": {"cluster_arn": CLUSTER, "auth_secret_arn": SECRET.replace("mysql", "AmazonMSK_a")}},
            {},
            "kafka.secrets_key_arn: is missing; MSK takes users only from secrets under a KMS key of your own",
        ),
    ],
)
def test_what_cannot_be_there_is_one_line_that_names_a_key(stage: Any, changes: Any, line: str) -> None:
    """What would only fail half-way through a deployment."""
    [found] = lines(over(stage, changes))
    assert found.startswith(line)


def test_as_many_zones_as_are_named() -> None:
    """Their number need not be said again."""
    stage = settings(over(NEW, {"network": {"availability_zones": ["us-west-1a", "us-west-1c"]}}))
    assert stage.network.availability_zones == ("us-west-1a", "us-west-1c")  # type: ignore[union-attr]  # a new VPC


def test_an_existing_msk_may_be_another_account_s_and_know_users() -> None:
    """Three logins, and a connection to a cluster elsewhere."""
    connection = "arn:aws:kafka:eu-west-1:111111111111:vpc-connection/222222222222/events/0a1b2c3d-1111-2222-3333-4-7"
    users = {"auth_secret_arn": SECRET.replace("mysql", "AmazonMSK_a"), "secrets_key_arn": KEY}
    for more in ({}, users, {**users, "auth_mechanism": "TLS"}, {"vpc_connection_arn": connection, **users}):
        assert settings({**LEAST, "kafka": {"cluster_arn": CLUSTER, **more}}).kafka.batch_size == 500
