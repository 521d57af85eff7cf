"""The models of those types of resources that moto's CloudFormation does not make, or not in full.

The SDK checks the shape of everything that the template says, as AWS would.
"""

from collections.abc import Mapping

from tests.infra.account import data, functions
from tests.infra.account.gaps import KAFKA_SOURCE, LACKED, MIGRATIONS, OF_THE_BOOTSTRAP
from tests.infra.account.migrations import Migrations
from tests.infra.account.recorded import Recorded, made_by

MODELS: Mapping[str, type[Recorded]] = {
    **dict.fromkeys({*LACKED, OF_THE_BOOTSTRAP} - {KAFKA_SOURCE}, Recorded),
    "AWS::CloudWatch::Alarm": functions.Alarm,
    "AWS::EC2::SecurityGroup": data.SecurityGroup,
    "AWS::EC2::SecurityGroupEgress": data.SecurityGroupEgress,
    "AWS::KMS::Key": data.Key,
    "AWS::Lambda::EventInvokeConfig": made_by("lambda", "put_function_event_invoke_config"),
    "AWS::Lambda::EventSourceMapping": functions.EventSource,
    "AWS::Lambda::Function": functions.Function,
    "AWS::Lambda::LayerVersion": functions.Layer,
    "AWS::Logs::LogGroup": data.LogGroup,
    "AWS::MSK::Cluster": made_by(
        "kafka", "create_cluster", data.cluster, answer=("ClusterArn",), delete="delete_cluster", by="ClusterArn"
    ),
    "AWS::RDS::DBInstance": data.MySql,
    "AWS::RDS::DBParameterGroup": made_by(
        "rds",
        "create_db_parameter_group",
        data.parameter_group,
        answer=("DBParameterGroup", "DBParameterGroupName"),
        delete="delete_db_parameter_group",
        by="DBParameterGroupName",
    ),
    "AWS::RDS::DBSubnetGroup": made_by(
        "rds",
        "create_db_subnet_group",
        data.subnet_group,
        answer=("DBSubnetGroup", "DBSubnetGroupName"),
        delete="delete_db_subnet_group",
        by="DBSubnetGroupName",
    ),
    "AWS::SQS::QueuePolicy": functions.QueuePolicy,
    "AWS::Scheduler::Schedule": made_by(
        "scheduler",
        "create_schedule",
        lambda name, properties: {"Name": name, **properties},
        delete="delete_schedule",
        by="Name",
    ),
    "AWS::SecretsManager::Secret": made_by(
        "secretsmanager",
        "create_secret",
        data.secret,
        answer=("ARN",),
        delete="delete_secret",
        by="SecretId",
        ForceDeleteWithoutRecovery=True,
    ),
    "AWS::SecretsManager::SecretTargetAttachment": data.Attachment,
    MIGRATIONS: Migrations,
}
