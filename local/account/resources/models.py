"""Models for the types of resources that moto's CloudFormation does not make, or makes only in part.

The SDK checks the shape of everything that the template says, as AWS would.
"""

from collections.abc import Mapping

from local.account.gaps import KAFKA_SOURCE, LACKED, MIGRATIONS, OF_OTHER_STAGES, OF_THE_BOOTSTRAP
from local.account.resources import data, functions, others
from local.account.resources.migrations import Migrations
from local.account.resources.recorded import Recorded

MODELS: Mapping[str, type[Recorded]] = {
    **dict.fromkeys({*LACKED, *OF_OTHER_STAGES, OF_THE_BOOTSTRAP} - {KAFKA_SOURCE}, Recorded),
    "AWS::CloudWatch::Alarm": functions.Alarm,
    "AWS::EC2::SecurityGroup": data.SecurityGroup,
    "AWS::EC2::SecurityGroupEgress": data.SecurityGroupEgress,
    "AWS::KMS::Key": data.Key,
    "AWS::Lambda::EventInvokeConfig": functions.InvokeConfig,
    "AWS::Lambda::EventSourceMapping": functions.EventSource,
    "AWS::Lambda::Function": functions.Function,
    "AWS::Lambda::LayerVersion": functions.Layer,
    "AWS::Logs::LogGroup": data.LogGroup,
    "AWS::MSK::Cluster": data.Brokers,
    "AWS::MSK::Configuration": data.Configuration,
    "AWS::MSK::ServerlessCluster": others.ServerlessBrokers,
    "AWS::RDS::DBInstance": data.MySql,
    "AWS::RDS::DBParameterGroup": data.ParameterGroup,
    "AWS::RDS::DBSubnetGroup": data.SubnetGroup,
    "AWS::SNS::Subscription": others.Subscription,
    "AWS::SNS::TopicPolicy": others.TopicPolicy,
    "AWS::SQS::QueuePolicy": functions.QueuePolicy,
    "AWS::Scheduler::Schedule": functions.Schedule,
    "AWS::SecretsManager::Secret": data.Secret,
    "AWS::SecretsManager::SecretTargetAttachment": data.Attachment,
    MIGRATIONS: Migrations,
}
