"""The template runs the migration whenever the migrations change, before anything that may need them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cdk.delivery.migrate import MIGRATIONS, fingerprint
from cdk.settings.sections.functions import Migrate
from delivery.aws.settings.migrate import MigrateSettings
from delivery.deployment.migrate import LOCK_SECONDS
from delivery.deployment.migrate import MIGRATIONS as RUN_FROM
from tests.infra.conftest import Synthesis
from tests.infra.delivery.test_environment import LIBRARIES, deployed
from tests.infra.delivery.test_permissions import BY_SECRET, EVERY, ON_ANYTHING
from tests.infra.templates import BROKERS, FUNCTIONS, MYSQL, Template, environment

KIND = "Custom::Migrations"
SECRET = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:other"


def after(template: Template, logical_id: str) -> Iterator[str]:
    """What DependsOn says has to exist before this resource."""
    for needed in template.body["Resources"][logical_id].get("DependsOn", []):
        yield needed
        yield from after(template, needed)


def ids(template: Template, kind: str) -> list[str]:
    return [name for name, it in template.body["Resources"].items() if it["Type"] == kind]


def waiting(template: Template) -> list[str]:
    """Event sources, schedules, and the functions except the one that migrates."""
    functions = [it for it in ids(template, "AWS::Lambda::Function") if word(template, it) in FUNCTIONS]
    return [*functions, *ids(template, "AWS::Lambda::EventSourceMapping"), *ids(template, "AWS::Scheduler::Schedule")]


def word(template: Template, function: str) -> str:
    return str(environment(template.body["Resources"][function]["Properties"])["POWERTOOLS_SERVICE_NAME"])


def test_everything_that_serves_waits_for_the_migration(dev: Template, prod: Template) -> None:
    """New code finds its tables, and a failed migration leaves the old code in place."""
    for template in (dev, prod):
        (migrated,) = ids(template, KIND)
        assert len(waiting(template)) == 11
        assert all(migrated in after(template, name) for name in waiting(template))


def test_the_migration_waits_for_nothing_that_serves(dev: Template) -> None:
    """It calls the function that migrates."""
    (migrated,) = ids(dev, KIND)
    assert not {*after(dev, migrated)} & {*waiting(dev)}
    assert dev.named(dev.one(KIND)["ServiceToken"]) == dev.function("migrate")


def test_it_runs_again_when_the_migrations_changed_and_only_then(tmp_path: Path, dev: Template, prod: Template) -> None:
    """CloudFormation calls the function when a property differs from the last deployment's."""
    assert dev.one(KIND)["Migrations"] == prod.one(KIND)["Migrations"] == fingerprint(MIGRATIONS)
    made = [fingerprint(tmp_path)]
    for name, text in (("0001_a.py", "a"), ("0001_a.py", "b"), ("0002_b.py", "b")):
        (tmp_path / name).write_text(text)
        made.append(fingerprint(tmp_path))
    assert len(set(made)) == 4
    (tmp_path / "0002_b.cpython-313.pyc").write_bytes(b"compiled")
    assert fingerprint(tmp_path) == made[-1]


def test_another_database_is_migrated_too(beside: Template, synth: Synthesis) -> None:
    """Otherwise the deployment would be green, and every function would fail on missing tables."""
    sources = {"network": None, "kafka": BROKERS}
    others = ({"endpoint": "other.internal"}, {"name": "other"}, {"port": 3307}, {"secret_arn": f"{SECRET}-aaaaaa"})
    asked = [synth("dev", {**sources, "database": {**MYSQL, **other}}).one(KIND) for other in others]
    assert len({str(it) for it in [beside.one(KIND), *asked]}) == 5


def test_what_is_looked_at_is_what_runs() -> None:
    """The fingerprint is of the folder that the function ships."""
    assert MIGRATIONS.samefile(RUN_FROM)
    assert (MIGRATIONS / "versions").is_dir()


def test_a_deployment_waits_long_enough_and_not_for_ever(dev: Template, synth: Synthesis) -> None:
    """Longer than the wait for another migration, twice, and at most the hour that CloudFormation allows."""
    for template, seconds in ((dev, 900), (synth("dev", {"migrate": {"timeout_seconds": 360}}), 360)):
        assert LOCK_SECONDS < template.function("migrate")["Timeout"] == seconds
        assert int(template.one(KIND)["ServiceTimeout"]) == 2 * seconds <= 3600
    assert Migrate.model_validate({}).timeout_seconds == 900


def test_its_environment_is_what_its_settings_class_reads(dev: Template, beside: Template, placed: Template) -> None:
    """It names the database and nothing else."""
    for template in (dev, beside, placed):
        given = deployed(environment(template.function("migrate")))
        assert set(given) == LIBRARIES | {*MigrateSettings.variables().values()}
        assert MigrateSettings.read(given).database_ca_file == "/opt/rds-ca.pem"


def test_it_may_read_the_database_s_secret_and_nothing_else(beside: Template, dev: Template, prod: Template) -> None:
    """It answers CloudFormation through a signed URL, which needs no permission."""
    assert set(beside.allowed("migrate")) == EVERY | BY_SECRET
    assert set(prod.allowed("migrate")) == EVERY | BY_SECRET | ON_ANYTHING
    (secret,) = dev.allowed("migrate")["secretsmanager:GetSecretValue"]
    assert secret == environment(dev.function("migrate"))["DATABASE_SECRET_ARN"]


def test_it_is_made_like_every_other_function(dev: Template) -> None:
    """Same layers, same network, same Python."""
    ours: Mapping[str, Any] = dev.function("migrate")
    for name in ("Layers", "VpcConfig", "Runtime", "Architectures", "Handler", "TracingConfig"):
        assert ours[name] == dev.function("claim")[name]


def test_the_local_stage_migrates_by_itself(local: Template) -> None:
    """Its CloudFormation would need Docker to run a custom resource."""
    assert ids(local, KIND) == []
    assert len(ids(local, "AWS::Lambda::Function")) == len([*FUNCTIONS, "api"])
