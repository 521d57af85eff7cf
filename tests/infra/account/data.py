"""Models of what keeps data, made through moto's own API: keys, security groups, MySQL and Kafka."""

import json
import os
from collections.abc import Mapping
from typing import Any

from tests.infra.account.recorded import Properties, Recorded, aws

#: what RDS takes instead of a generated password: the login of the MySQL that stands in for it
LOGIN = "ACCOUNT_MYSQL_LOGIN"


class Key(Recorded):
    def create(self) -> str:
        told = {name: self.properties[name] for name in ("Description",) if name in self.properties}
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in self.properties.get("Tags", [])]
        key = aws("kms").create_key(**told, Policy=json.dumps(self.properties["KeyPolicy"]), Tags=tags)["KeyMetadata"]
        if self.properties.get("EnableKeyRotation"):
            aws("kms").enable_key_rotation(KeyId=key["KeyId"])
        return str(key["KeyId"])

    def delete(self) -> None:
        aws("kms").schedule_key_deletion(KeyId=self.physical_resource_id)

    def get_cfn_attribute(self, name: str) -> str:
        return str(aws("kms").describe_key(KeyId=self.physical_resource_id)["KeyMetadata"][name])


class LogGroup(Recorded):
    def create(self) -> str:
        key = {"kmsKeyId": self.properties["KmsKeyId"]} if "KmsKeyId" in self.properties else {}
        aws("logs").create_log_group(logGroupName=self.name, **key)
        aws("logs").put_retention_policy(logGroupName=self.name, retentionInDays=self.properties["RetentionInDays"])
        return self.name

    def update(self) -> None:
        aws("logs").put_retention_policy(logGroupName=self.name, retentionInDays=self.properties["RetentionInDays"])

    def delete(self) -> None:
        aws("logs").delete_log_group(logGroupName=self.name)

    def get_cfn_attribute(self, name: str) -> str:
        (found,) = aws("logs").describe_log_groups(logGroupNamePrefix=self.name)["logGroups"]
        return str(found[name.lower()])


class SecurityGroup(Recorded):
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

    def delete(self) -> None:
        aws("ec2").delete_security_group(GroupId=self.physical_resource_id)

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
    """A rule of a template as the API takes it."""
    permission: Properties = {"IpProtocol": rule["IpProtocol"]}
    permission |= {name: int(rule[name]) for name in ("FromPort", "ToPort") if name in rule}
    if "CidrIp" in rule:
        permission["IpRanges"] = [{"CidrIp": rule["CidrIp"], "Description": rule.get("Description", "")}]
    if "DestinationSecurityGroupId" in rule:
        permission["UserIdGroupPairs"] = [{"GroupId": rule["DestinationSecurityGroupId"]}]
    return permission


def secret(name: str, _: Properties) -> Properties:
    return {"Name": name, "SecretString": os.environ[LOGIN]}


class Attachment(Recorded):
    def create(self) -> str:
        return str(self.properties["SecretId"])


def parameter_group(name: str, properties: Properties) -> Properties:
    family, about = properties["Family"], properties["Description"]
    return {"DBParameterGroupName": name.lower(), "DBParameterGroupFamily": family, "Description": about}


def subnet_group(name: str, properties: Properties) -> Properties:
    about, subnets = properties["DBSubnetGroupDescription"], properties["SubnetIds"]
    return {"DBSubnetGroupName": name.lower(), "DBSubnetGroupDescription": about, "SubnetIds": subnets}


class MySql(Recorded):
    def create(self) -> str:
        told = {name: value for name, value in self.properties.items() if name != "VPCSecurityGroups"}
        numbers = {name: int(told[name]) for name in ("AllocatedStorage", "Port")}
        groups = self.properties["VPCSecurityGroups"]
        made = aws("rds").create_db_instance(
            **{**told, **numbers, "MasterUserPassword": "generated"}, VpcSecurityGroupIds=groups
        )
        return str(made["DBInstance"]["DBInstanceIdentifier"])

    def snapshot(self) -> None:
        name = self.physical_resource_id
        aws("rds").create_db_snapshot(DBInstanceIdentifier=name, DBSnapshotIdentifier=f"{name}-final")

    def delete(self) -> None:
        aws("rds").delete_db_instance(DBInstanceIdentifier=self.physical_resource_id, SkipFinalSnapshot=True)

    def get_cfn_attribute(self, name: str) -> str:
        (found,) = aws("rds").describe_db_instances(DBInstanceIdentifier=self.physical_resource_id)["DBInstances"]
        for part in name.split("."):
            found = found[part]
        return str(found)


def cluster(_: str, properties: Properties) -> Properties:
    """The words of CloudFormation and of MSK's API differ in one, and moto has no configurations to name."""
    told = {name: value for name, value in properties.items() if name != "ConfigurationInfo"}
    storage = told["BrokerNodeGroupInfo"]["StorageInfo"]["EBSStorageInfo"]
    return {**told, "BrokerNodeGroupInfo": {**told["BrokerNodeGroupInfo"], "StorageInfo": {"EbsStorageInfo": storage}}}
