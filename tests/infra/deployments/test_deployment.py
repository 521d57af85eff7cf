"""The real command line deploys a stage with a VPC, a MySQL and a Kafka of its own into a server of AWS's APIs.

Its first deployment fails and is repeated. It is deployed again, with another setting, with a migration that fails,
with that mended, and destroyed. What the server cannot hold is listed in local/account/gaps.py and tested in
test_deployment_gaps.py.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from cdk.settings.context import ROOT
from delivery.storage.tables import metadata
from local.servers.mysql import mysql_server
from tests.infra.account.backup import records
from tests.infra.account.seen import Seen
from tests.infra.deployments.dev_deployments import DATABASE, Deployments, deployments
from tests.infra.templates import DEPLOYED, FUNCTIONS, environment

SCHEMA = {*metadata.tables, "alembic_version"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployments]:
    state = tmp_path_factory.mktemp("deployment")
    with mysql_server(state / "mysql", cache=ROOT / ".local" / "cache") as mysql, deployments(state, mysql) as made:
        yield made


def stands_for(expression: Any, value: Any, seen: Seen) -> bool:
    """Whether the account's value is what the delivery stack's template says."""
    match expression:
        case {"Ref": str(name)}:
            return bool(value == seen.physical_id("delivery", name))
        case {"Fn::ImportValue": str(name)}:
            return bool(value == seen.exported(name))
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return bool(value.startswith("arn:aws:") and value.endswith(seen.physical_id("delivery", name)))
        case list():
            return len(expression) == len(value) and all(map(stands_for, expression, value, [seen] * len(value)))
        case _:
            return bool(value == expression)


def test_a_diff_says_what_a_deployment_would_create(stage: Deployments) -> None:
    """The pinned command line, with Node from PyPI, in a bootstrapped account."""
    assert "Unknown option" not in stage.difference
    assert {"hongyan-dev-data", "hongyan-dev-delivery"} <= set(stage.difference.split())
    for kind in ("AWS::SQS::Queue", "AWS::Lambda::EventSourceMapping", "AWS::Scheduler::Schedule"):
        assert f"[+] {kind}" in stage.difference


def test_a_first_deployment_that_fails_says_why_and_leaves_nothing_that_costs(stage: Deployments) -> None:
    """MySQL stood already. Its keys wait for their deletion, which is free."""
    assert stage.broken.code == 1
    assert "this creation was told to fail" in stage.broken.failure
    left = stage.broken.after
    assert left.stacks["data"]["StackStatus"] == "ROLLBACK_COMPLETE"
    assert not [*left.databases, *left.snapshots, *left.clusters, *left.secrets, *left.log_groups, *left.vpcs]
    assert not any(key["Enabled"] for key in left.keys)


def test_repeated_every_resource_of_both_stacks_stands(stage: Deployments) -> None:
    """The command line removes the failed stack, and its names are not in the way."""
    assert stage.first.failure == ""
    for word in ("data", "delivery"):
        kinds = [it["Type"] for it in stage.to_begin_with.stack(word).body["Resources"].values()]
        assert stage.first.after.stacks[word]["StackStatus"] == "CREATE_COMPLETE"
        assert sorted(stage.first.changed(word)) == sorted(("CREATE_COMPLETE", kind) for kind in kinds)


@pytest.mark.parametrize("word", DEPLOYED)
def test_functions_are_what_the_template_says(word: str, stage: Deployments) -> None:
    """With every reference resolved, also those to the data stack."""
    wanted, account = stage.to_begin_with.stack("delivery").function(word), stage.first.after
    made = account.function(word)
    for name in ("Handler", "Runtime", "Architectures", "Timeout", "MemorySize", "TracingConfig", "Role"):
        assert stands_for(wanted[name], made[name], account), name
    assert stands_for(wanted["Layers"], [layer["Arn"] for layer in made["Layers"]], account)
    assert environment(made).keys() == environment(wanted).keys()
    for name, value in environment(made).items():
        assert stands_for(environment(wanted)[name], value, account), name
    for name in ("SubnetIds", "SecurityGroupIds"):
        assert stands_for(wanted["VpcConfig"][name], made["VpcConfig"][name], account), name


def test_functions_find_the_new_mysql_and_the_migration_its_secret(stage: Deployments) -> None:
    """By the address and the ARN that RDS and Secrets Manager give."""
    (mysql,), (secret,) = stage.first.after.databases, stage.first.after.secrets
    for word in DEPLOYED:
        given = environment(stage.first.after.function(word))
        assert (given["DATABASE_HOST"], given["DATABASE_NAME"]) == (mysql["Endpoint"]["Address"], DATABASE)
        assert given["DATABASE_SECRET_ARN"] == (secret["ARN"] if word == "migrate" else "")


def test_each_function_s_role_may_log_in_as_its_user_whom_the_migration_made(stage: Deployments) -> None:
    """With the id that RDS gave to the new MySQL; with another, IAM would refuse every connection."""
    (mysql,) = stage.first.after.databases
    users = {word: environment(stage.first.after.function(word))["DATABASE_USER"] for word in FUNCTIONS}
    assert stage.first.users == set(users.values())
    for word, user in users.items():
        (allowed,) = stage.first.after.allowed(word, "rds-db:connect")
        assert allowed.endswith(f":dbuser:{mysql['DbiResourceId']}/{user}")


def test_mysql_lets_in_the_groups_of_the_functions_and_nobody_else(stage: Deployments) -> None:
    """EC2 has each rule once."""
    account = stage.first.after
    (mysql,) = account.databases
    (group,) = [account.security_groups[it["VpcSecurityGroupId"]] for it in mysql["VpcSecurityGroups"]]
    (rule,) = group["IpPermissions"]
    assert (rule["FromPort"], rule["ToPort"], rule["IpRanges"]) == (3306, 3306, [])
    let_in = sorted(pair["GroupId"] for pair in rule["UserIdGroupPairs"])
    placed = [it for word in DEPLOYED for it in account.function(word)["VpcConfig"]["SecurityGroupIds"]]
    assert let_in == sorted(set(placed))


def test_the_database_is_migrated_by_the_deployed_code(stage: Deployments) -> None:
    """CloudFormation's request runs the code from the staging bucket against a real MySQL."""
    assert stage.first.tables == SCHEMA


def test_kafka_is_made_and_its_topic_is_asked_for_there(stage: Deployments) -> None:
    """It has the stage's size, and both the topic's function and ingest may connect to it."""
    (cluster,) = stage.first.after.clusters
    wanted = stage.to_begin_with.stack("data").one("AWS::MSK::Cluster")
    assert cluster["ClusterName"].startswith("hongyan-dev-")
    assert cluster["NumberOfBrokerNodes"] == wanted["NumberOfBrokerNodes"]
    assert environment(stage.first.after.function("topic"))["KAFKA_CLUSTER_ARN"] == cluster["ClusterArn"]
    for word in ("ingest", "topic"):
        assert stage.first.after.allowed(word, "kafka-cluster:Connect") == [cluster["ClusterArn"]]
        (topic,) = stage.first.after.allowed(word, "kafka-cluster:DescribeTopic")
        assert topic == cluster["ClusterArn"].replace(":cluster/", ":topic/") + "/smartflow.notification.outbox"


def test_pointers_go_through_one_queue_to_send_and_then_to_the_dead_letters(stage: Deployments) -> None:
    account = stage.first.after
    queue, dead = account.queue("SendQueueUrl"), account.queue("DeadLetterQueueUrl")
    assert json.loads(queue["RedrivePolicy"])["deadLetterTargetArn"] == dead["QueueArn"]
    assert at_once(account) == {queue["QueueArn"]: 5, account.queue("ReportQueueUrl")["QueueArn"]: 2}
    for source in account.sources:
        assert source["FunctionArn"] == account.function("send")["FunctionArn"]
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert all('"aws:SecureTransport": "false"' in it["Policy"] for it in account.queues.values())


def test_reports_that_mysql_never_takes_end_in_their_own_dead_letter_queue(stage: Deployments) -> None:
    """Which SQS keeps for two weeks."""
    account = stage.first.after
    queue, dead = account.queue("ReportQueueUrl"), account.queue("DeadReportQueueUrl")
    assert json.loads(queue["RedrivePolicy"]) == {"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": 240}
    assert dead["MessageRetentionPeriod"] == str(14 * 86_400)


def at_once(account: Seen) -> Mapping[str, int]:
    """How many functions each queue may start, by its ARN."""
    return {it["EventSourceArn"]: it["ScalingConfig"]["MaximumConcurrency"] for it in account.sources}


def test_logs_are_kept_for_the_stage_s_days_and_encrypted(stage: Deployments) -> None:
    """The functions', MySQL's and the VPC's log of refused packets."""
    groups = stage.first.after.log_groups
    assert len(groups) == len(stage.to_begin_with.all("AWS::Logs::LogGroup"))
    keys = {key["Arn"] for key in stage.first.after.keys}
    assert all(group["retentionInDays"] == 7 and group["kmsKeyId"] in keys for group in groups)


def test_alarms_are_those_of_the_template(stage: Deployments) -> None:
    """CloudWatch took each of them."""
    template = stage.to_begin_with.stack("delivery")
    wanted = {it["AlarmName"]: it["Threshold"] for it in template.all("AWS::CloudWatch::Alarm")}
    assert {name: it["Threshold"] for name, it in stage.first.after.alarms.items()} == wanted


def test_an_unchanged_deployment_changes_nothing(stage: Deployments) -> None:
    """Neither stack has a new event."""
    assert stage.unchanged.failure == ""
    assert stage.unchanged.said.count("(no changes)") == 2
    assert stage.unchanged.after == stage.unchanged.before


def test_a_changed_setting_changes_what_it_is_about_and_nothing_else(stage: Deployments) -> None:
    assert stage.updated.failure == ""
    assert stage.updated.changed("data") == []
    assert stage.updated.changed("delivery") == [("UPDATE_COMPLETE", "AWS::Lambda::EventSourceMapping")]
    assert sorted(at_once(stage.updated.after).values()) == [2, 7]


def test_a_failed_migration_fails_the_deployment_with_mysql_s_own_words(stage: Deployments) -> None:
    """Whoever deploys sees them on the terminal."""
    assert stage.failed.code == 1
    assert f"MySQL: 1146: Table '{DATABASE}.no_such_table' doesn't exist" in stage.failed.failure
    assert stage.failed.after.stacks["delivery"]["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_a_failed_migration_leaves_the_old_version_serving(stage: Deployments) -> None:
    """No function that serves was changed, not even by the rollback, which restores the one that migrates."""
    for word in DEPLOYED:
        assert stage.failed.after.code(word) == stage.failed.before.code(word)
    migration = ["AWS::Lambda::LayerVersion", "AWS::Lambda::Function", "Custom::Migrations"]
    failing = [("UPDATE_COMPLETE", migration[0]), ("UPDATE_COMPLETE", migration[1]), ("UPDATE_FAILED", migration[2])]
    assert stage.failed.changed("delivery") == [*failing, *(("UPDATE_COMPLETE", kind) for kind in migration)]
    assert stage.failed.tables == SCHEMA


def test_once_mended_the_new_version_migrates_and_then_serves(stage: Deployments) -> None:
    """Every function has new code and a new layer."""
    assert stage.mended.failure == ""
    assert stage.mended.tables == {*SCHEMA, "added"}
    for word in DEPLOYED:
        (sha, layers), (old_sha, old_layers) = stage.mended.after.code(word), stage.mended.before.code(word)
        assert sha != old_sha
        assert len({*layers} - {*old_layers}) == 1
    changed = stage.mended.changed("delivery")
    served = [kind for _, kind in changed[changed.index(("UPDATE_COMPLETE", "Custom::Migrations")) + 1 :]]
    assert served == ["AWS::Lambda::Function"] * len((*FUNCTIONS, "topic"))


def test_what_is_destroyed_leaves_a_snapshot_kafka_and_the_keys_to_open_them(stage: Deployments) -> None:
    """With `removal_policy` retain the keys of both storages stay, and the key of what is encrypted in MySQL's rows."""
    assert stage.destroyed.failure == ""
    left, before = stage.destroyed.after, stage.destroyed.before
    for found in (left.stacks, left.functions, left.sources, left.queues, left.alarms, left.schedules, left.log_groups):
        assert not found
    assert not [*left.vpcs, *left.databases, *left.secrets]
    (mysql,), (kafka,) = before.databases, before.clusters
    assert left.clusters == [kafka]
    assert left.snapshots == [f"{mysql['DBInstanceIdentifier']}-final"]
    kept = {key["Arn"] for key in left.keys if key["Enabled"]}
    of_kafka = kafka["EncryptionInfo"]["EncryptionAtRest"]["DataVolumeKMSKeyId"]
    assert kept == {mysql["KmsKeyId"], of_kafka, before.output("delivery", "DataKeyArn")}


def test_the_stage_is_made_again_from_its_snapshot_with_the_key_that_it_was_left(stage: Deployments) -> None:
    """CloudFormation made no other key for its storage, and its name is the new stack's."""
    assert stage.restored.failure == ""
    (mysql,), (old,) = stage.restored.after.databases, stage.destroyed.before.databases
    for name in ("KmsKeyId", "StorageEncrypted", "DBName"):
        assert mysql[name] == old[name], name
    assert mysql["DBInstanceIdentifier"] != old["DBInstanceIdentifier"]


def test_what_the_snapshot_had_open_is_held_before_anything_serves(stage: Deployments) -> None:
    """By the deployed code, on a real MySQL; the tables are the same as before."""
    assert stage.restored.tables == stage.mended.tables
    assert records(stage.engine, DATABASE) == [("dead", "held_after_restore")]
    order = [kind for _, kind in stage.restored.changed("delivery")]
    assert order.index("Custom::Migrations") < min(order.index("AWS::Lambda::EventSourceMapping"), len(order))
