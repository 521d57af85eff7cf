"""A stage uses what a team already has: keys, names, tags, a permissions boundary, places in its VPC, a snapshot."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.infra import watched
from tests.infra.conftest import Stacks
from tests.infra.templates import BROKERS, MYSQL, RDS, VPC, Template, environment, listed, tagged

BASE = "arn:aws:kms:eu-west-1:111111111111:key/0a1b2c3d-1111-2222-3333-44445555"
LOG_KEY, SECRET_KEY, MYSQL_KEY, KAFKA_KEY = (f"{BASE}000{number}" for number in range(1, 5))
BOUNDARY = "arn:aws:iam::111111111111:policy/team/boundary"
SNAPSHOT = "arn:aws:rds:eu-west-1:111111111111:snapshot:hongyan-prod-final"
MOMENT = "2026-11-25T03:07:00Z"
PLACES: Mapping[str, Any] = {
    **VPC,
    "send": {"subnet_ids": ["subnet-0c0c0c0c"], "security_group_ids": ["sg-0c0c0c0c"]},
    "inside": {"subnet_ids": ["subnet-0d0d0d0d"], "security_group_ids": ["sg-0d0d0d0d"]},
    "data_subnet_ids": ["subnet-0e0e0e0e", "subnet-0f0f0f0f"],
}
OWN: Mapping[str, Any] = {
    "name_prefix": "team-a",
    "tags": {"cost-center": "4711", "owner": "team a"},
    "permissions_boundary_arn": BOUNDARY,
    "log_key_arn": LOG_KEY,
    "log_class": "INFREQUENT_ACCESS",
    "database": {
        "secret_key_arn": SECRET_KEY,
        "new": {
            "storage_key_arn": MYSQL_KEY,
            "storage_max_gb": 400,
            "rotation_days": 0,
            "engine_version": "8.0.43",
        },
    },
    "kafka": {"new": {"brokers": {"storage_key_arn": KAFKA_KEY}}},
    "send": {"reserved_concurrency": 22},
    "claim": {"reserved_concurrency": 1},
}
RESTORED: Mapping[str, Any] = {
    "network": PLACES,
    "database": {"new": {"snapshot_arn": SNAPSHOT}, "hold_open_before": MOMENT},
}


@pytest.fixture(scope="module")
def own(both: Stacks) -> Mapping[str, Template]:
    return both("prod", OWN)


@pytest.fixture(scope="module")
def restored(both: Stacks) -> Mapping[str, Template]:
    """In an existing VPC with places by what functions need."""
    return both("prod", RESTORED)


def of_type(template: Template, kind: str) -> list[dict[str, Any]]:
    return [it for it in template.body["Resources"].values() if it["Type"] == kind]


def test_every_role_has_the_boundary_also_those_that_the_cdk_makes(own: Mapping[str, Template]) -> None:
    """Where a policy of the account demands it, a role without it could not be made."""
    roles = [role for template in own.values() for role in template.all("AWS::IAM::Role")]
    assert any("CustomResource" in name for name in own["data"].body["Resources"])
    assert {role.get("PermissionsBoundary") for role in roles} == {BOUNDARY}
    assert not any(template.all("AWS::Serverless::Application") for template in own.values())


def test_without_the_setting_no_role_has_a_boundary(both: Stacks) -> None:
    """And AWS's function rotates the password."""
    stacks = both("prod")
    assert not any("PermissionsBoundary" in it for one in stacks.values() for it in one.all("AWS::IAM::Role"))
    assert stacks["data"].all("AWS::Serverless::Application")


def test_whatever_takes_tags_has_the_team_s_and_ours(own: Mapping[str, Template]) -> None:
    """A bill is divided by them."""
    for kind in ("AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::RDS::DBInstance", "AWS::Logs::LogGroup"):
        for it in [it for template in own.values() for it in template.all(kind) if "Tags" in it]:
            assert {tagged(it, key) for key in ("cost-center", "owner")} == {"4711", "team a"}
            assert (tagged(it, "service"), tagged(it, "stage")) == ("hongyan", "prod")
    assert own["data"].one("AWS::MSK::Cluster")["Tags"]["cost-center"] == "4711"


def test_the_stacks_have_the_tags_too(own: Mapping[str, Template]) -> None:
    """CloudFormation gives them to what has none in the template, such as functions of the CDK's own."""
    wanted = {"cost-center": "4711", "owner": "team a", "service": "hongyan", "stage": "prod"}
    assert all(template.tags == wanted for template in own.values())


def test_what_has_a_name_of_its_own_begins_with_the_prefix(own: Mapping[str, Template]) -> None:
    """Two teams may share an account."""
    data, delivery = own["data"], own["delivery"]
    assert begins(data.one("AWS::RDS::DBInstance")["DBInstanceIdentifier"]).startswith("team-a-prod")
    assert begins(data.one("AWS::MSK::Cluster")["ClusterName"]).startswith("team-a-prod")
    assert delivery.one("AWS::CloudWatch::Dashboard")["DashboardName"] == "team-a-prod"
    assert all(it["AlarmName"].startswith("team-a-prod-") for it in delivery.all("AWS::CloudWatch::Alarm"))
    assert environment(delivery.function("send"))["POWERTOOLS_METRICS_NAMESPACE"] == "Team-a/prod"
    assert delivery.deployed_after[0].startswith("team-a-prod-") or "team-a-prod-data" in delivery.deployed_after
    assert not [*fixed_names(own)]


def begins(name: Any) -> str:
    """How a name begins that ends in a part of the stack's id."""
    return str(name["Fn::Join"][1][0] if isinstance(name, dict) else name)


def fixed_names(stacks: Mapping[str, Template]) -> Iterator[str]:
    """Names that another prefix would share."""
    for template in stacks.values():
        for it in template.body["Resources"].values():
            for key, value in it.get("Properties", {}).items():
                if key.endswith(("Name", "Identifier")) and isinstance(value, str) and value.startswith("hongyan-"):
                    yield f"{it['Type']} {value}"


def test_logs_are_under_the_team_s_key_and_no_other_is_made_for_them(own: Mapping[str, Template]) -> None:
    """Each group of both stacks."""
    for template in own.values():
        assert {group["KmsKeyId"] for group in template.all("AWS::Logs::LogGroup")} == {LOG_KEY}
        assert not any("encrypts logs" in key["Description"] for key in template.all("AWS::KMS::Key"))


def test_only_logs_that_no_metric_is_made_of_are_of_another_class(own: Mapping[str, Template]) -> None:
    """CloudWatch makes no metrics of embedded lines in the class INFREQUENT_ACCESS."""
    classes = [group.get("LogGroupClass") for group in own["data"].all("AWS::Logs::LogGroup")]
    assert sorted(map(str, classes)) == ["INFREQUENT_ACCESS", "INFREQUENT_ACCESS", "None", "None"]
    assert not any("LogGroupClass" in group for group in own["delivery"].all("AWS::Logs::LogGroup"))


def test_storage_is_under_the_team_s_keys(own: Mapping[str, Template]) -> None:
    """MySQL's and Kafka's each."""
    data = own["data"]
    assert data.one("AWS::RDS::DBInstance")["KmsKeyId"] == MYSQL_KEY
    assert data.one("AWS::MSK::Cluster")["EncryptionInfo"]["EncryptionAtRest"] == {"DataVolumeKMSKeyId": KAFKA_KEY}
    assert data.all("AWS::KMS::Key") == []


def test_the_new_secret_is_under_the_team_s_key_which_only_the_migration_may_use(own: Mapping[str, Template]) -> None:
    """And only for this secret."""
    assert own["data"].one("AWS::SecretsManager::Secret")["KmsKeyId"] == SECRET_KEY
    ((key, secret),) = [*uses_of_keys(own["delivery"], "migrate")]
    assert key == SECRET_KEY
    assert [secret] == own["delivery"].allowed("migrate")["secretsmanager:GetSecretValue"]
    for word in ("ingest", "claim", "prune"):
        assert not [*uses_of_keys(own["delivery"], word)]


def uses_of_keys(template: Template, word: str) -> Iterator[tuple[Any, Any]]:
    """Each key that the function may decrypt with, and the secret that it may decrypt."""
    for statement in template.statements(template.function(word)["Role"]):
        if "kms:Decrypt" in listed(statement["Action"]) and "Condition" in statement:
            yield statement["Resource"], statement["Condition"]["StringEquals"]["kms:EncryptionContext:SecretARN"]


@pytest.mark.parametrize("word", ["ingest", "claim", "send", "prune", "migrate"])
def test_whoever_reads_an_existing_secret_may_use_its_key(word: str, both: Stacks) -> None:
    """All of them where MySQL knows no IAM; the migration alone where it does."""
    for database, readers in ((MYSQL, {"ingest", "claim", "send", "prune", "migrate"}), (RDS, {"migrate"})):
        over = {"network": VPC, "database": {**database, "secret_key_arn": SECRET_KEY}, "kafka": BROKERS}
        used = [*uses_of_keys(both("prod", over)["delivery"], word)]
        assert used == ([(SECRET_KEY, MYSQL["secret_arn"])] if word in readers else [])


def test_reserved_concurrency_is_the_function_s_own(own: Mapping[str, Template]) -> None:
    """The others share what the account has."""
    reserved = {
        word: own["delivery"].function(word).get("ReservedConcurrentExecutions")
        for word in ("ingest", "claim", "send", "migrate", "topic")
    }
    assert reserved == {"ingest": None, "claim": 1, "send": 22, "migrate": None, "topic": None}


def test_storage_grows_and_the_alarm_waits_until_it_did_not(own: Mapping[str, Template]) -> None:
    """RDS grows it when a tenth is free; at a twentieth something keeps it from growing."""
    instance = own["data"].one("AWS::RDS::DBInstance")
    assert (instance["AllocatedStorage"], instance["MaxAllocatedStorage"]) == ("100", 400)
    assert watched.alarms(own["delivery"])["DatabaseFull"]["Threshold"] == 5 * 2**30


def test_the_engine_is_the_version_that_the_stage_says_with_its_parameters(own: Mapping[str, Template]) -> None:
    """A raised version also raises a major one, which RDS refuses unless it is allowed."""
    data = own["data"]
    instance = data.one("AWS::RDS::DBInstance")
    assert (instance["EngineVersion"], instance["AllowMajorVersionUpgrade"]) == ("8.0.43", True)
    assert data.one("AWS::RDS::DBParameterGroup")["Family"] == "mysql8.0"


def test_functions_are_placed_by_what_they_need_to_reach(restored: Mapping[str, Template]) -> None:
    """Send alone needs a way out; the poller and what makes the topic stay where the brokers are."""
    placed = {
        word: restored["delivery"].function(word)["VpcConfig"]
        for word in ("send", "ingest", "claim", "prune", "migrate", "topic")
    }
    assert placed["send"] == {"SubnetIds": ["subnet-0c0c0c0c"], "SecurityGroupIds": ["sg-0c0c0c0c"]}
    for word in ("ingest", "claim", "prune", "migrate"):
        assert placed[word] == {"SubnetIds": ["subnet-0d0d0d0d"], "SecurityGroupIds": ["sg-0d0d0d0d"]}
    assert placed["topic"] == {"SubnetIds": VPC["subnet_ids"], "SecurityGroupIds": VPC["security_group_ids"]}


def test_mysql_is_in_the_data_subnets_and_lets_every_placed_function_in(restored: Mapping[str, Template]) -> None:
    """A group that is left out would time out."""
    data = restored["data"]
    assert data.one("AWS::RDS::DBSubnetGroup")["SubnetIds"] == PLACES["data_subnet_ids"]
    let_in = [
        it["SourceSecurityGroupId"] for it in data.all("AWS::EC2::SecurityGroupIngress") if it["FromPort"] != 9098
    ]
    assert {"sg-0c0c0c0c", "sg-0d0d0d0d", *VPC["security_group_ids"]} == {it for it in let_in if isinstance(it, str)}


def test_a_restored_mysql_takes_its_data_and_key_from_the_snapshot(restored: Mapping[str, Template]) -> None:
    """CloudFormation refuses these properties beside a snapshot; the user gets a new password."""
    data = restored["data"]
    instance = data.one("AWS::RDS::DBInstance")
    assert instance["DBSnapshotIdentifier"] == SNAPSHOT
    assert not {"DBName", "KmsKeyId", "StorageEncrypted", "MasterUsername"} & set(instance)
    assert "resolve:secretsmanager" in json.dumps(instance["MasterUserPassword"])
    assert (
        '"username":"hongyan"'
        in data.one("AWS::SecretsManager::Secret")["GenerateSecretString"]["SecretStringTemplate"]
    )
    assert begins(instance["DBInstanceIdentifier"]).startswith("hongyan-prod")
    assert instance["EnableIAMDatabaseAuthentication"] is True


def test_what_was_open_is_held_by_the_migration_before_anything_serves(restored: Mapping[str, Template]) -> None:
    """Another moment calls it again."""
    delivery = restored["delivery"]
    assert environment(delivery.function("migrate"))["HOLD_OPEN_BEFORE"] == MOMENT
    assert delivery.one("Custom::Migrations")["HoldOpenBefore"] == MOMENT
    assert not any("HOLD_OPEN_BEFORE" in environment(delivery.function(word)) for word in ("ingest", "claim", "send"))
