"""Builds the migration, once per function instance, on its first call."""

from __future__ import annotations

from functools import cache

from delivery.aws.secrets import database_address
from delivery.aws.settings import MigrateSettings
from delivery.aws.wiring.foundation import client, utc_now
from delivery.migrate import Migrator
from delivery.storage.migrate import upgrade_at
from delivery.storage.users import FunctionUsers


@cache
def migrator() -> Migrator:
    settings = MigrateSettings.read()
    secrets_manager = client("secretsmanager")
    prefix = settings.database_user_prefix
    users = FunctionUsers(prefix=prefix) if prefix else None
    return Migrator(upgrade=lambda: upgrade_at(database_address(settings, secrets_manager), users=users), now=utc_now)
