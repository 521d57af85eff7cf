"""Secrets and keys that the stage names: whether they are there, whole, and say what their readers look for."""

import json
from collections.abc import Iterator, Sequence

from cdk.doctor.account import Absent, Account, CannotLook
from cdk.doctor.finding import Finding, fail, ok, warn
from cdk.settings.sections.kafka import ExistingMsk, OwnBrokers
from cdk.settings.sections.named import named
from cdk.settings.stage import StageSettings

_LOGIN = ("username", "password")
_CERTIFICATE = ("certificate", "privateKey")


def secrets(account: Account, stage: StageSettings) -> Iterator[Finding]:
    for key, arn in named(stage, "secret"):
        try:
            yield judged_secret(key, arn, str(account.ask("secretsmanager", "describe_secret", SecretId=arn)["ARN"]))
        except Absent:
            yield fail(key, f"there is no secret {arn}", "correct the ARN in cdk.json, or create the secret")
            continue
        except CannotLook as error:
            yield warn(key, f"could not look: {error}", "see yourself whether the secret is there")
        yield _content(account, stage, key, arn)


def _content(account: Account, stage: StageSettings, key: str, arn: str) -> Finding:
    try:
        text = account.ask("secretsmanager", "get_secret_value", SecretId=arn).get("SecretString", "")
    except CannotLook as error:
        return warn(f"{key}, content", f"could not look: {error}", f"see yourself that it is {_shape(stage, key)}")
    return judged_content(key, str(text), wanted(stage, key))


def wanted(stage: StageSettings, key: str) -> Sequence[str]:
    """The fields that the secret's reader expects."""
    if key == "kafka.ca_secret_arn":
        return ("certificate",)
    by_certificate = isinstance(stage.kafka, OwnBrokers | ExistingMsk) and stage.kafka.auth_mechanism == "TLS"
    return _CERTIFICATE if key == "kafka.auth_secret_arn" and by_certificate else _LOGIN


def _shape(stage: StageSettings, key: str) -> str:
    return f"JSON with {' and '.join(wanted(stage, key))}"


def judged_secret(key: str, arn: str, found: str) -> Finding:
    """Secrets Manager also finds a secret by an ARN without its suffix, but IAM does not."""
    if arn != found:
        return fail(key, f"its whole ARN is {found}", "write that in cdk.json: IAM matches nothing shorter")
    return ok(key, arn)


def judged_content(key: str, text: str, fields: Sequence[str]) -> Finding:
    """Names fields only, never a value."""
    check, remedy = f"{key}, content", f"make the secret JSON with {' and '.join(fields)}"
    try:
        told = json.loads(text)
    except ValueError:
        return fail(check, "is no JSON", remedy)
    lacking = [it for it in fields if not (isinstance(told, dict) and isinstance(told.get(it), str))]
    if lacking:
        return fail(check, f"lacks {' and '.join(lacking)}", remedy)
    return ok(check, f"has {' and '.join(fields)}")


def keys(account: Account, stage: StageSettings) -> Iterator[Finding]:
    for key, arn in named(stage, "key"):
        try:
            state = account.ask("kms", "describe_key", KeyId=arn)["KeyMetadata"]["KeyState"]
        except Absent:
            yield fail(key, f"there is no key {arn}", "correct the ARN in cdk.json")
            continue
        yield judged_key(key, str(state))


def judged_key(key: str, state: str) -> Finding:
    if state == "Enabled":
        return ok(key, state)
    return fail(key, f"{state}: nothing that it encrypts can be read", "enable it in KMS, or cancel its deletion")


def snapshots(account: Account, stage: StageSettings) -> Iterator[Finding]:
    """The snapshot is needed at every deployment: without it CloudFormation would make another instance."""
    for key, arn in named(stage, "snapshot"):
        try:
            (found,) = account.ask("rds", "describe_db_snapshots", DBSnapshotIdentifier=arn)["DBSnapshots"]
        except Absent:
            yield fail(key, f"there is no snapshot {arn}", "correct the ARN in cdk.json")
            continue
        yield ok(key, f"{found['Engine']} {found['EngineVersion']}, {found['Status']}")
