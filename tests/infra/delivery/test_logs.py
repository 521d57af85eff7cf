"""The functions' logs are encrypted under a key that CloudWatch Logs may use for these groups only."""

from collections.abc import Mapping

from tests.infra.templates import Template, environment


def test_every_log_group_is_encrypted_under_one_key_that_rotates(stages: Mapping[str, Template]) -> None:
    """It is not the key of the credentials."""
    for template in stages.values():
        groups = template.all("AWS::Logs::LogGroup")
        access_logs = template.all("AWS::ApiGatewayV2::Stage")
        assert len(groups) == len(template.all("AWS::Lambda::Function")) + len(access_logs)
        (key, *others) = [template.named(group["KmsKeyId"]) for group in groups]
        assert key["EnableKeyRotation"] is True
        assert all(other == key for other in others)
        assert key != template.named(environment(template.function("send"))["DATA_KEY_ARN"])


def test_cloudwatch_logs_may_use_the_key_for_groups_of_this_stack_only(dev: Template) -> None:
    """Without the grant no log group can be made; without the condition any group of the region could use it."""
    (group, *_) = dev.all("AWS::Logs::LogGroup")
    (root, logs, _) = dev.named(group["KmsKeyId"])["KeyPolicy"]["Statement"]
    assert root["Action"] == "kms:*"
    assert joined(logs["Principal"]["Service"]) == "logs.AWS::Region.AWS::URLSuffix"
    (allowed,) = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert joined(allowed) == "arn:AWS::Partition:logs:AWS::Region:AWS::AccountId:log-group:hongyan-dev-delivery-*"


def test_who_writes_logs_may_use_the_key_through_cloudwatch_logs_only(dev: Template) -> None:
    """And only from this account."""
    (group, *_) = dev.all("AWS::Logs::LogGroup")
    (*_, callers) = dev.named(group["KmsKeyId"])["KeyPolicy"]["Statement"]
    condition = callers["Condition"]["StringEquals"]
    assert condition["kms:CallerAccount"] == {"Ref": "AWS::AccountId"}
    assert joined(condition["kms:ViaService"]) == "logs.AWS::Region.AWS::URLSuffix"


def test_a_log_group_is_named_after_the_stack(dev: Template) -> None:
    """The key's condition expects the name that CloudFormation gives; with another, the key would be refused."""
    assert not any("LogGroupName" in group for group in dev.all("AWS::Logs::LogGroup"))


def joined(value: Mapping[str, list[object]]) -> str:
    return "".join(part["Ref"] if isinstance(part, dict) else str(part) for part in value["Fn::Join"][1])  # type: ignore[attr-defined]
