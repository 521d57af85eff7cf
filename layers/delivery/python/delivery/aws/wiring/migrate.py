"""Builds the migration, once per function instance, on its first call."""

from functools import cache

from delivery.aws.clients import client
from delivery.aws.database_login import address_by_secret
from delivery.aws.settings.migrate import MigrateSettings
from delivery.aws.wiring.foundation import utc_now
from delivery.deployment.database_users import FunctionUsers
from delivery.deployment.migrate import Migrator, upgrade_at


@cache
def migrator() -> Migrator:
    settings = MigrateSettings.read()
    secrets_manager = client("secretsmanager")
    prefix = settings.database_user_prefix
    users = FunctionUsers(prefix=prefix) if prefix else None
    return Migrator(upgrade=lambda: upgrade_at(address_by_secret(settings, secrets_manager), users=users), now=utc_now)
