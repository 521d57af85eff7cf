"""Makes a new MySQL on RDS."""

from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk.data import mysql_logs
from cdk.data.database import Database
from cdk.data.names import own_name
from cdk.data.network import Network
from cdk.findings import accept
from cdk.settings.sections.database import NewInstance, NewMySql

_USER = "hongyan"
_PARAMETERS = {
    "require_secure_transport": "1",
    "time_zone": "UTC",
    "character_set_server": "utf8mb4",
    "slow_query_log": "1",
    "long_query_time": "1",
    "log_output": "FILE",  # RDS does not export logs that are written to a table
}
_ACCEPTED = {
    "AwsSolutions::AwsSolutions-RDS3": "A second zone is a stage setting: it doubles the price",
    "AwsSolutions::AwsSolutions-RDS10": "Protection is a stage setting: a development stage comes and goes",
    "AwsSolutions::AwsSolutions-RDS11": "The port is a stage setting; the network keeps others out, not the number",
}
_FROM_A_SNAPSHOT = {
    "AwsSolutions::AwsSolutions-RDS2": "RDS keeps the encryption of the snapshot and its key, and takes no other",
}
_NOT_ROTATED = {
    "AwsSolutions::AwsSolutions-SMG4": "Rotation is a stage setting: its function cannot have a permissions boundary",
}

Instance = rds.DatabaseInstance | rds.DatabaseInstanceFromSnapshot


class MySql(Construct):
    """An RDS for MySQL with encrypted storage that accepts only TLS, and only from the network's security groups."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: str,
        settings: NewMySql,
        network: Network,
        log_key: kms.IKey,
        log_retention: logs.RetentionDays,
        keep: bool,
        protect: bool,
    ) -> None:
        super().__init__(scope, name)
        self._instance = self._make(stage, settings, network, keep=keep, protect=protect)
        for group in mysql_logs.log_groups(self, stage, key=log_key, retention=log_retention):
            self._instance.node.add_dependency(group)
        if settings.new.rotation_days:
            self._rotate(settings.new.rotation_days, network)
        for functions in network.groups():
            self._instance.connections.allow_default_port_from(functions)
        self.database = self._database(settings)
        accept(self, _ACCEPTED)
        accept(self, _FROM_A_SNAPSHOT if settings.new.snapshot_arn else {})
        accept(self, {} if settings.new.rotation_days else _NOT_ROTATED)

    def _make(self, stage: str, settings: NewMySql, network: Network, *, keep: bool, protect: bool) -> Instance:
        """Makes the instance. A restored one takes its database's name and its storage key from the snapshot."""
        new, secret_key = settings.new, self._key("SecretKey", settings.secret_key_arn)
        same = self._settings(stage, settings, new, network, keep=keep, protect=protect)
        if new.snapshot_arn:
            master = rds.SnapshotCredentials.from_generated_secret(_USER, encryption_key=secret_key)
            return rds.DatabaseInstanceFromSnapshot(
                self, "Instance", snapshot_identifier=new.snapshot_arn, credentials=master, **same
            )
        return rds.DatabaseInstance(
            self,
            "Instance",
            database_name=settings.name,
            credentials=rds.Credentials.from_generated_secret(_USER, encryption_key=secret_key),
            storage_encrypted=True,
            storage_encryption_key=self._key("Key", new.storage_key_arn) or self._made_key(keep=keep),
            **same,
        )

    def _settings(
        self, stage: str, settings: NewMySql, new: NewInstance, network: Network, *, keep: bool, protect: bool
    ) -> dict[str, Any]:
        engine = _engine(new.engine_version)
        return {
            "instance_identifier": own_name(stage),
            "engine": engine,
            "auto_minor_version_upgrade": False,  # otherwise a later deployment would ask for an older version
            "allow_major_version_upgrade": True,  # RDS requires it; only a changed setting upgrades
            "parameter_group": rds.ParameterGroup(self, "Parameters", engine=engine, parameters=_PARAMETERS),
            "instance_type": ec2.InstanceType(new.instance_class),
            "multi_az": new.multi_az,
            "port": settings.port,
            "iam_authentication": True,
            "backup_retention": Duration.days(new.backup_days),
            "deletion_protection": new.deletion_protection and protect,
            **self._when_it_goes(keep=keep and protect),
            "cloudwatch_logs_exports": list(mysql_logs.EXPORTED),
            "ca_certificate": rds.CaCertificate.RDS_CA_RSA2048_G1,
            "allocated_storage": new.storage_gb,
            "max_allocated_storage": new.storage_max_gb,
            "storage_type": rds.StorageType.GP3,
            **self._place(network),
        }

    def _when_it_goes(self, *, keep: bool) -> dict[str, Any]:
        """Deletes or keeps backups along with the policy, so that a change of policy always changes a property, too.

        CloudFormation used to ignore a change of the policy alone (cloudformation-coverage-roadmap #1543, now closed).
        """
        policy = RemovalPolicy.SNAPSHOT if keep else RemovalPolicy.DESTROY
        return {"removal_policy": policy, "delete_automated_backups": not keep}

    def _key(self, name: str, arn: str | None) -> kms.IKey | None:
        return kms.Key.from_key_arn(self, name, arn) if arn else None

    def _made_key(self, *, keep: bool) -> kms.Key:
        """Keeps the key whenever snapshots are kept, because they are useless without it."""
        return kms.Key(
            self,
            "Key",
            description="Hongyan: encrypts MySQL's storage and its backups",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if keep else RemovalPolicy.DESTROY,
        )

    def _place(self, network: Network) -> dict[str, Any]:
        vpc = network.vpc
        group = ec2.SecurityGroup(
            self, "Group", vpc=vpc, description="Hongyan: MySQL; only the functions come in", allow_all_outbound=False
        )
        return {"vpc": vpc, "vpc_subnets": self._subnets(network), "security_groups": [group]}

    def _subnets(self, network: Network) -> ec2.SubnetSelection:
        """The data subnets, or the functions' subnets if an existing VPC's settings name no others."""
        return ec2.SubnetSelection(subnets=network.data_subnets or network.subnets)

    def _rotate(self, days: int, network: Network) -> None:
        """Runs AWS's rotation function in our functions' subnets and security group, so the same rule lets it in."""
        self._instance.add_rotation_single_user(
            automatically_after=Duration.days(days),
            security_group=network.security_groups[0],
            vpc_subnets=ec2.SubnetSelection(subnets=network.subnets),
        )

    def _resource_id(self) -> str:
        if self._instance.instance_resource_id is None:
            raise RuntimeError("RDS gives no resource id")  # every new instance has one
        return self._instance.instance_resource_id

    def _secret(self) -> secretsmanager.ISecret:
        if self._instance.secret is None:
            raise RuntimeError("RDS keeps no secret")  # we asked it to generate one
        return self._instance.secret

    def _database(self, settings: NewMySql) -> Database:
        return Database(
            host=self._instance.db_instance_endpoint_address,
            port=settings.port,
            name=settings.name,
            secret_arn=self._secret().secret_arn,
            secret_key_arn=settings.secret_key_arn,
            ca_file=settings.ca_file,
            instance=self._instance.instance_identifier,
            iam_resource_id=self._resource_id(),
            offered=(
                self._instance.db_instance_endpoint_address,
                self._secret().secret_arn,
                self._instance.instance_identifier,
                self._resource_id(),
            ),
        )


def _engine(version: str) -> rds.IInstanceEngine:
    major = ".".join(version.split(".")[:2])
    return rds.DatabaseInstanceEngine.mysql(version=rds.MysqlEngineVersion.of(version, major))
