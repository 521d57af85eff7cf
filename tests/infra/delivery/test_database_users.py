"""Each function has a MySQL user of its own, and only the migration may read the database's secret."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cdk.delivery.migrate import RIGHTS as RIGHTS_FOLDERS
from cdk.delivery.migrate import fingerprint
from delivery.deployment.rights import RIGHTS
from tests.infra.conftest import Stacks, Synthesis
from tests.infra.templates import BROKERS, FUNCTIONS, MYSQL, RDS, VPC, Template, environment, told


@pytest.fixture(scope="session")
def beside_rds(synth: Synthesis) -> Template:
    """dev with an existing RDS."""
    return synth("dev", {"network": VPC, "database": RDS, "kafka": BROKERS})


def users(template: Template) -> Mapping[str, str]:
    return {word: environment(template.function(word))["DATABASE_USER"] for word in FUNCTIONS}


def logins(template: Template, word: str) -> list[Any]:
    """The account, the resource id and the user of each login that the function's role has."""
    arns = [it["Fn::Join"][1] for it in template.allowed(word)["rds-db:connect"]]
    assert all("".join(map(str, it[:-1])).startswith("arn:{'Ref': 'AWS::Partition'}:rds-db:") for it in arns)
    return [it[-2:] for it in arns]


def test_a_function_may_log_in_as_its_own_user_and_nobody_else(both: Stacks) -> None:
    """The login is for the instance of the data stack, and for no user of another stage."""
    data, delivery = both("dev")["data"], both("dev")["delivery"]
    for word, user in users(delivery).items():
        ((resource_id, login),) = logins(delivery, word)
        assert login == f"/{user}" == f"/hongyan_{word}"
        assert told(data, resource_id)["Fn::GetAtt"][1] == "DbiResourceId"
        assert data.kind_of(told(data, resource_id)) == "AWS::RDS::DBInstance"


def test_mysql_lets_them_in_by_iam(both: Stacks) -> None:
    """Without it the plugin that checks tokens is not loaded."""
    assert both("dev")["data"].one("AWS::RDS::DBInstance")["EnableIAMDatabaseAuthentication"] is True


@pytest.mark.parametrize("word", FUNCTIONS)
def test_the_master_s_secret_is_the_migration_s_alone(word: str, both: Stacks, beside_rds: Template) -> None:
    """No other function may read it or has its ARN."""
    data, delivery = both("dev")["data"], both("dev")["delivery"]
    (secret,) = delivery.allowed("migrate")["secretsmanager:GetSecretValue"]
    assert data.kind_of(told(data, secret)) == "AWS::SecretsManager::SecretTargetAttachment"
    assert environment(delivery.function("migrate"))["DATABASE_SECRET_ARN"] == secret
    for template, master in ((delivery, secret), (beside_rds, MYSQL["secret_arn"])):
        assert master not in template.allowed(word).get("secretsmanager:GetSecretValue", [])
        assert environment(template.function(word))["DATABASE_SECRET_ARN"] == ""


def test_the_migration_makes_the_users_that_the_functions_are(dev: Template, beside_rds: Template) -> None:
    """Named after the database, since two stages may share a server."""
    for template, database in ((dev, "hongyan"), (beside_rds, "smartflow")):
        prefix = environment(template.function("migrate"))["DATABASE_USER_PREFIX"]
        assert prefix == f"{database}_"
        assert users(template) == {word: f"{prefix}{word}" for word in FUNCTIONS}
        assert environment(template.function("migrate"))["FUNCTIONS"] == ",".join(sorted(FUNCTIONS))


def test_the_migration_runs_again_when_a_function_comes_or_goes(dev: Template) -> None:
    """An API that is added later needs its user, and one that is taken away should leave none."""
    assert dev.one("Custom::Migrations")["Functions"] == environment(dev.function("migrate"))["FUNCTIONS"]


def test_every_stage_that_is_a_user_has_rights() -> None:
    """The API is one where a stage has it."""
    assert {*FUNCTIONS, "api"} <= set(RIGHTS)


def test_an_existing_rds_is_known_by_the_id_that_the_stage_says(beside_rds: Template) -> None:
    """The whole ARN of the user, in the stack's own account."""
    for word in FUNCTIONS:
        (arn,) = beside_rds.allowed(word)["rds-db:connect"]
        account = [{"Ref": "AWS::Region"}, ":", {"Ref": "AWS::AccountId"}]
        assert arn["Fn::Join"][1][2:] == [":rds-db:", *account, f":dbuser:{RDS['iam_resource_id']}/smartflow_{word}"]


def test_a_mysql_that_iam_does_not_know_is_entered_by_its_secret(beside: Template, local: Template) -> None:
    """The functions log in with the secret, and the migration makes no users."""
    for template in (beside, local):
        assert set(users(template).values()) == {""}
        assert all(environment(template.function(word))["DATABASE_SECRET_ARN"] for word in FUNCTIONS)
    assert environment(beside.function("migrate"))["DATABASE_USER_PREFIX"] == ""


def test_the_migration_runs_again_when_rights_change_or_iam_is_turned_on(dev: Template, beside: Template) -> None:
    """Else new code would be refused what it needs."""
    assert dev.one("Custom::Migrations")["Rights"] == fingerprint(*RIGHTS_FOLDERS)
    assert dev.one("Custom::Migrations")["DATABASE_USER_PREFIX"] == "hongyan_"
    assert beside.one("Custom::Migrations")["DATABASE_USER_PREFIX"] == ""


def test_what_is_looked_at_is_all_that_the_rights_follow_from() -> None:
    """Every module of ours that the rights are made of lies in a folder whose change runs the migration again.

    Beside them only what connections need: when to give up, and how to connect.
    """
    program = (
        "import sys, delivery.deployment.rights as _; print(*(it.__file__ for it in sys.modules.values() if OURS))"
    )
    program = program.replace("OURS", "it.__name__.startswith('delivery.')")
    made_of = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert len(made_of) > 10
    others = [file for file in map(Path, made_of) if not any(file.is_relative_to(it) for it in RIGHTS_FOLDERS)]
    assert {file.name for file in others} == {"deadline.py", "sockets.py"}
