"""Models of what keeps data, made through moto's own API: keys, security groups, MySQL and Kafka."""

import json
import os
from collections.abc import Mapping
from typing import Any, ClassVar

from botocore import xform_name

from local.account.resources.recorded import Properties, Recorded, aws

#: The login of the MySQL that replaces RDS, used instead of a generated password.
LOGIN = "ACCOUNT_MYSQL_LOGIN"


def secret_of_all() -> str:
    """The text of every secret: MySQL's login and the fields that brokers need."""
    return json.dumps({**json.loads(os.environ.get(LOGIN, "{}")), "certificate": "PEM", "privateKey": "PEM"})


class Key(Recorded):
    end = ("kms", "schedule_key_deletion", "KeyId")

    def create(self) -> str:
        told = {name: self.properties[name] for name in ("Description",) if name in self.properties}
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in self.properties.get("Tags", [])]
        key = aws("kms").create_key(**told, Policy=json.dumps(self.properties["KeyPolicy"]), Tags=tags)["KeyMetadata"]
        return str(key["KeyId"])

    def get_cfn_attribute(self, name: str) -> str:
        return str(aws("kms").describe_key(KeyId=self.physical_resource_id)["KeyMetadata"][name])


class LogGroup(Recorded):
    end = ("logs", "delete_log_group", "logGroupName")

    def create(self) -> str:
        self.name = self.properties.get("LogGroupName", self.name)
        key = {"kmsKeyId": self.properties["KmsKeyId"]} if "KmsKeyId" in self.properties else {}
        aws("logs").create_log_group(logGroupName=self.name, **key)
        aws("logs").put_retention_policy(logGroupName=self.name, retentionInDays=self.properties["RetentionInDays"])
        return self.name

    def update(self) -> None:
        aws("logs").put_retention_policy(logGroupName=self.name, retentionInDays=self.properties["RetentionInDays"])

    def get_cfn_attribute(self, name: str) -> str:
        (found,) = aws("logs").describe_log_groups(logGroupNamePrefix=self.name)["logGroups"]
        return str(found[name.lower()])


class SecurityGroup(Recorded):
    end = ("ec2", "delete_security_group", "GroupId")

    def create(self) -> str:
        named = {"GroupName": self.name, "Description": self.properties["GroupDescription"]}
        group = str(aws("ec2").create_security_group(**named, VpcId=self.properties["VpcId"])["GroupId"])
        everywhere = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
        aws("ec2").revoke_security_group_egress(GroupId=group, IpPermissions=[_permission(everywhere)])
        for rule in self.properties.get("SecurityGroupEgress", []):
            aws("ec2").authorize_security_group_egress(GroupId=group, IpPermissions=[_permission(rule)])
        for rule in self.properties.get("SecurityGroupIngress", []):
            aws("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[_permission(rule)])
        return group

    def get_cfn_attribute(self, name: str) -> str:
        return {"GroupId": self.physical_resource_id, "VpcId": str(self.properties["VpcId"])}[name]


class SecurityGroupEgress(Recorded):
    def create(self) -> str:
        group, rule = self.properties["GroupId"], [_permission(self.properties)]
        aws("ec2").authorize_security_group_egress(GroupId=group, IpPermissions=rule)
        return self.name

    def delete(self) -> None:
        group, rule = self.properties["GroupId"], [_permission(self.properties)]
        aws("ec2").revoke_security_group_egress(GroupId=group, IpPermissions=rule)


def _permission(rule: Mapping[str, Any]) -> Properties:
    """Turns a template's rule into the API's form."""
    permission: Properties = {"IpProtocol": rule["IpProtocol"]}
    permission |= {name: int(rule[name]) for name in ("FromPort", "ToPort") if name in rule}
    if "CidrIp" in rule:
        permission["IpRanges"] = [{"CidrIp": rule["CidrIp"], "Description": rule.get("Description", "")}]
    if "DestinationSecurityGroupId" in rule:
        permission["UserIdGroupPairs"] = [{"GroupId": rule["DestinationSecurityGroupId"]}]
    return permission


class Secret(Recorded):
    end = ("secretsmanager", "delete_secret", "SecretId")
    end_with = {"ForceDeleteWithoutRecovery": True}  # noqa: RUF012

    def create(self) -> str:
        return str(aws("secretsmanager").create_secret(Name=self.name, SecretString=os.environ[LOGIN])["ARN"])


class Attachment(Recorded):
    def create(self) -> str:
        return str(self.properties["SecretId"])


class ParameterGroup(Recorded):
    end = ("rds", "delete_db_parameter_group", "DBParameterGroupName")

    def create(self) -> str:
        told = {"DBParameterGroupFamily": self.properties["Family"], "Description": self.properties["Description"]}
        made = aws("rds").create_db_parameter_group(DBParameterGroupName=self.name.lower(), **told)
        return str(made["DBParameterGroup"]["DBParameterGroupName"])


class SubnetGroup(Recorded):
    end = ("rds", "delete_db_subnet_group", "DBSubnetGroupName")

    def create(self) -> str:
        told = {name: self.properties[name] for name in ("DBSubnetGroupDescription", "SubnetIds")}
        aws("rds").create_db_subnet_group(DBSubnetGroupName=self.name.lower(), **told)
        return self.name.lower()


class MySql(Recorded):
    end = ("rds", "delete_db_instance", "DBInstanceIdentifier")
    end_with = {"SkipFinalSnapshot": True}  # noqa: RUF012

    def create(self) -> str:
        told = {name: value for name, value in self.properties.items() if name != "VPCSecurityGroups"}
        numbers = {name: int(told[name]) for name in ("AllocatedStorage", "Port")}
        asked = {**told, **numbers, "VpcSecurityGroupIds": self.properties["VPCSecurityGroups"]}
        made = self._restore(asked) if "DBSnapshotIdentifier" in asked else self._begin(asked)
        return str(made["DBInstance"]["DBInstanceIdentifier"])

    def _begin(self, asked: Properties) -> Properties:
        return _called("CreateDBInstance", {**asked, "MasterUserPassword": "generated"})

    def _restore(self, asked: Properties) -> Properties:
        """Restores without what a restore does not take, such as the new password, which CloudFormation sets later."""
        return _called("RestoreDBInstanceFromDBSnapshot", asked)

    def update(self) -> None:
        protected = self.properties["DeletionProtection"]
        aws("rds").modify_db_instance(DBInstanceIdentifier=self.physical_resource_id, DeletionProtection=protected)

    def delete_with_snapshot(self) -> None:
        """Deletes with a snapshot. RDS makes none of an instance that it refuses to delete."""
        name = self.physical_resource_id
        aws("rds").delete_db_instance(DBInstanceIdentifier=name, FinalDBSnapshotIdentifier=f"{name}-final")

    def get_cfn_attribute(self, name: str) -> str:
        (found,) = aws("rds").describe_db_instances(DBInstanceIdentifier=self.physical_resource_id)["DBInstances"]
        for part in name.split("."):
            found = found[part]
        return str(found)


def _called(operation: str, asked: Properties) -> Properties:
    """Drops properties that this call does not take, such as the one that allows major upgrades."""
    client: Any = aws("rds")
    taken = client.meta.service_model.operation_model(operation).input_shape.members
    call = getattr(client, xform_name(operation))
    return dict(call(**{name: value for name, value in asked.items() if name in taken}))


class Configuration(Recorded):
    """Keeps only its name, which must be unique in MSK."""

    taken: ClassVar[set[str]] = set()

    def create(self) -> str:
        name = str(self.properties["Name"])
        if name in self.taken:
            raise RuntimeError(f"A resource with the requested configuration name already exists: {name}")
        self.taken.add(name)
        return self.name

    def delete(self) -> None:
        self.taken.remove(self.properties["Name"])


class Brokers(Recorded):
    """Maps the one property that CloudFormation and MSK's API name differently. moto has no configurations."""

    end = ("kafka", "delete_cluster", "ClusterArn")

    def create(self) -> str:
        told = {name: value for name, value in self.properties.items() if name != "ConfigurationInfo"}
        if aws("kafka").list_clusters(ClusterNameFilter=told["ClusterName"])["ClusterInfoList"]:
            raise RuntimeError(f"The requested cluster name already exists: {told['ClusterName']}")
        storage = {"EbsStorageInfo": told["BrokerNodeGroupInfo"]["StorageInfo"]["EBSStorageInfo"]}
        told["BrokerNodeGroupInfo"] = {**told["BrokerNodeGroupInfo"], "StorageInfo": storage}
        return str(aws("kafka").create_cluster(**told)["ClusterArn"])
