"""Builds the migration, once per function instance, on its first call."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from delivery.aws.clients import client
from delivery.aws.database_login import address_by_secret
from delivery.aws.settings.migrate import MigrateSettings
from delivery.aws.wiring.foundation import utc_now
from delivery.deployment.database_users import FunctionUsers
from delivery.deployment.failure import DeploymentError
from delivery.deployment.held import Holder
from delivery.deployment.migrate import Migrator, upgrade_at
from delivery.storage.held import HeldRecords
from delivery.storage.mysql.database import open_engine

#: Looking for held records reads the whole table.
_SCAN_SECONDS = 300


@cache
def migrator() -> Migrator:
    settings = MigrateSettings.read()
    secrets_manager = client("secretsmanager")
    prefix = settings.database_user_prefix
    users = FunctionUsers(prefix=prefix, words=frozenset(settings.functions)) if prefix else None
    return Migrator(upgrade=lambda: upgrade_at(address_by_secret(settings, secrets_manager), users=users), now=utc_now)


@cache
def holder() -> Holder:
    settings, secrets_manager = MigrateSettings.read(), client("secretsmanager")
    engine = open_engine(lambda: address_by_secret(settings, secrets_manager), statement_seconds=_SCAN_SECONDS)
    return Holder(records=HeldRecords(engine=engine), now=utc_now)


def asked_moment(event: Mapping[str, Any]) -> datetime | None:
    """What was open before this moment is to be held: by the event, or by the stage's settings.

    Raises:
        DeploymentError: it is no moment.
    """
    given = str(event.get("hold_open_before") or MigrateSettings.read().hold_open_before)
    return _moment(given) if given else None


def _moment(given: str) -> datetime:
    try:
        return datetime.strptime(given, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        says = f"hold_open_before should be a moment such as 2026-11-25T03:07:00Z, is {given}"
        raise DeploymentError(says) from None
