"""Makes a new MySQL on RDS, with a proxy before it if the stage asks for one."""

from typing import Any

from aws_cdk import ArnFormat, CfnOutput, Duration, Fn, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk.data import mysql_logs
from cdk.data.database import STAGES, Database, login, user_prefix
from cdk.data.names import own_name
from cdk.data.network import Network
from cdk.findings import accept
from cdk.settings.database import PROXY_PORT, NewInstance, NewMySql

_USER = "hongyan"
_ENGINE = rds.DatabaseInstanceEngine.mysql(version=rds.MysqlEngineVersion.VER_8_4_10)
_PARAMETERS = {
    "require_secure_transport": "1",
    "time_zone": "UTC",
    "character_set_server": "utf8mb4",
    "slow_query_log": "1",
    "long_query_time": "1",
    "log_output": "FILE",  # logs written to a table are not exported
}
_ACCEPTED = {
    "AwsSolutions::AwsSolutions-RDS3": "A second zone is a stage setting: it doubles the price",
    "AwsSolutions::AwsSolutions-RDS10": "Protection is a stage setting: a development stage comes and goes",
    "AwsSolutions::AwsSolutions-RDS11": "The port is a stage setting; the network keeps others out, not the number",
}


class MySql(Construct):
    """Encrypts its storage, accepts only TLS, and is reachable only from the network's security groups."""

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
        new = settings.new
        self._instance = self._make(stage, settings, new, network, keep=keep, protect=protect)
        for group in mysql_logs.log_groups(self, stage, key=log_key, retention=log_retention):
            self._instance.node.add_dependency(group)
        self._rotate(new.rotation_days, network)
        self.database = self._behind_proxy(settings, network) if new.proxy else self._directly(settings, network)
        accept(self, _ACCEPTED)

    def _make(
        self, stage: str, settings: NewMySql, new: NewInstance, network: Network, *, keep: bool, protect: bool
    ) -> rds.DatabaseInstance:
        return rds.DatabaseInstance(
            self,
            "Instance",
            instance_identifier=own_name(stage),
            engine=_ENGINE,
            auto_minor_version_upgrade=False,  # otherwise a later deployment would ask for an older version
            parameter_group=rds.ParameterGroup(self, "Parameters", engine=_ENGINE, parameters=_PARAMETERS),
            instance_type=ec2.InstanceType(new.instance_class),
            multi_az=new.multi_az,
            database_name=settings.name,
            port=settings.port,
            credentials=rds.Credentials.from_generated_secret(_USER),
            iam_authentication=True,
            backup_retention=Duration.days(new.backup_days),
            deletion_protection=new.deletion_protection and protect,
            **self._when_it_goes(keep=keep and protect),
            cloudwatch_logs_exports=list(mysql_logs.EXPORTED),
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            **self._storage(new.storage_gb, keep=keep),
            **self._place(network),
        )

    def _when_it_goes(self, *, keep: bool) -> dict[str, Any]:
        """Backups go or stay with the policy, so that a change of the policy is always a change of a property, too.

        CloudFormation took a change of a policy alone for none (cloudformation-coverage-roadmap #1543).
        """
        policy = RemovalPolicy.SNAPSHOT if keep else RemovalPolicy.DESTROY
        return {"removal_policy": policy, "delete_automated_backups": not keep}

    def _storage(self, gigabytes: int, *, keep: bool) -> dict[str, Any]:
        """The key is kept wherever snapshots are, because they are useless without it."""
        key = kms.Key(
            self,
            "Key",
            description="Hongyan: encrypts MySQL's storage and its backups",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if keep else RemovalPolicy.DESTROY,
        )
        return {
            "allocated_storage": gigabytes,
            "storage_type": rds.StorageType.GP3,
            "storage_encrypted": True,
            "storage_encryption_key": key,
        }

    def _place(self, network: Network) -> dict[str, Any]:
        vpc = network.vpc
        group = ec2.SecurityGroup(
            self, "Group", vpc=vpc, description="Hongyan: MySQL; only the functions come in", allow_all_outbound=False
        )
        return {"vpc": vpc, "vpc_subnets": self._subnets(network), "security_groups": [group]}

    def _subnets(self, network: Network) -> ec2.SubnetSelection:
        """Isolated subnets if the VPC has any. Of an existing VPC only the functions' subnets are known."""
        return ec2.SubnetSelection(subnets=network.vpc.isolated_subnets or network.subnets)

    def _rotate(self, days: int, network: Network) -> None:
        """AWS's rotation function runs in our functions' subnets and security group, so the same rule lets it in."""
        self._instance.add_rotation_single_user(
            automatically_after=Duration.days(days),
            security_group=network.security_groups[0],
            vpc_subnets=ec2.SubnetSelection(subnets=network.subnets),
        )

    def _directly(self, settings: NewMySql, network: Network) -> Database:
        for group in network.groups():
            self._instance.connections.allow_default_port_from(group)
        return self._seen_at(self._instance.db_instance_endpoint_address, self._resource_id(), settings)

    def _behind_proxy(self, settings: NewMySql, network: Network) -> Database:
        """The proxy logs in to MySQL as the user who logged in to it, by IAM too: it has no secret and no other user.

        So the migration connects past it, as the password's rotation does. The CDK opens the way from the proxy to
        MySQL; the same rule of ours beside it would fail at deployment.
        """
        group = ec2.SecurityGroup(
            self, "ProxyGroup", vpc=network.vpc, description="Hongyan: RDS Proxy; only the functions come in"
        )
        for functions in network.groups():
            group.connections.allow_from(functions, ec2.Port.tcp(PROXY_PORT), "From the functions")
        proxy = self._instance.add_proxy(
            "Proxy",
            default_auth_scheme=rds.DefaultAuthScheme.IAM_AUTH,
            role=self._proxy_role(settings.name),
            vpc=network.vpc,
            vpc_subnets=self._subnets(network),
            security_groups=[group],
            require_tls=True,
        )
        return self._seen_at(proxy.endpoint, self._proxy_id(proxy), settings)

    def _proxy_id(self, proxy: rds.DatabaseProxy) -> str:
        """An output of its own, because the other stack cannot split an ARN that comes from this one."""
        stack, name = Stack.of(self), "DatabaseProxyId"
        arn = stack.split_arn(proxy.db_proxy_arn, ArnFormat.COLON_RESOURCE_NAME)
        CfnOutput(stack, name, value=str(arn.resource_name))
        return Fn.get_stack_output(stack.stack_name, name)

    def _proxy_role(self, database: str) -> iam.Role:
        """The proxy's role may log in as each of the functions' users and as nobody else."""
        role = iam.Role(self, "ProxyRole", assumed_by=iam.ServicePrincipal("rds.amazonaws.com"))
        for function in STAGES:
            role.add_to_policy(login(self._resource_id(), f"{user_prefix(database)}{function}"))
        return role

    def _resource_id(self) -> str:
        if self._instance.instance_resource_id is None:
            raise RuntimeError("RDS gives no resource id")  # every new instance has one
        return self._instance.instance_resource_id

    def _secret(self) -> secretsmanager.ISecret:
        if self._instance.secret is None:
            raise RuntimeError("RDS keeps no secret")  # it was asked to generate one
        return self._instance.secret

    def _seen_at(self, host: str, resource_id: str, settings: NewMySql) -> Database:
        return Database(
            host=host,
            port=settings.port,
            name=settings.name,
            secret_arn=self._secret().secret_arn,
            ca_file=settings.ca_file,
            instance=self._instance.instance_identifier,
            iam_resource_id=resource_id,
            migration_host=self._instance.db_instance_endpoint_address,
        )
