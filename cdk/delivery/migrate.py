"""The migration: it brings the database to the newest schema before any function's new code serves."""

import hashlib
from collections.abc import Collection
from pathlib import Path

from aws_cdk import CustomResource, Duration
from constructs import Construct, IConstruct

from cdk.delivery.function import StageFunction
from cdk.delivery.runtime import Runtime
from cdk.settings.context import ROOT
from cdk.settings.stage import StageSettings

_DELIVERY = ROOT / "layers" / "delivery" / "python" / "delivery"
MIGRATIONS = _DELIVERY / "storage" / "migrations"
#: The functions' rights follow from the columns in these folders. An unnecessary run of the migration is harmless.
RIGHTS = tuple(_DELIVERY / folder for folder in ("deployment", "domain", "storage"))


class Migrate(StageFunction):
    """Runs when the migrations, the functions' rights or the database change, and whenever a person invokes it."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: Runtime,
        stage: StageSettings,
        functions: Collection[StageFunction],
    ) -> None:
        """`functions` log in to the database. They get users of their own if the database accepts IAM logins."""
        held = {"HOLD_OPEN_BEFORE": stage.database.hold_open_before or ""}
        words = {"FUNCTIONS": ",".join(sorted(it.word for it in functions))}
        super().__init__(
            scope,
            name,
            word="migrate",
            description="Brings the database to the newest schema, at deployment or by hand",
            runtime=runtime,
            size=stage.migrate,
            environment={**held, **words},
        )
        self._migrated = CustomResource(
            self,
            "Migrated",
            resource_type="Custom::Migrations",
            service_token=self.function.function_arn,
            # Leaves time for Lambda's second try if an instance dies without an answer. The default is an hour.
            service_timeout=Duration.seconds(2 * stage.migrate.timeout_seconds),
            properties={
                "Migrations": fingerprint(MIGRATIONS),
                "Rights": fingerprint(*RIGHTS),
                # Host, name, secret and users, so that another database is migrated, too.
                **runtime.database.access("migrate").environment,
                "HoldOpenBefore": held["HOLD_OPEN_BEFORE"],
                "Functions": words["FUNCTIONS"],
            },
        )

    def before(self, *others: IConstruct) -> None:
        """Makes the other constructs wait. They keep their old version if the migration fails."""
        for other in others:
            other.node.add_dependency(self._migrated)


def fingerprint(*folders: Path) -> str:
    """Changes when a file in these folders is added or changed."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            digest.update(f"{file.relative_to(folder)}\n".encode() + file.read_bytes())
    return digest.hexdigest()
