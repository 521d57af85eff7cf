"""Builds the migration, once per function instance, on its first call."""

from __future__ import annotations

from functools import cache

from delivery.aws.secrets import database_address
from delivery.aws.settings import Settings
from delivery.aws.wiring.foundation import client, utc_now
from delivery.migrate import Migrator
from delivery.storage.migrate import upgrade_at


@cache
def migrator() -> Migrator:
    settings = Settings.read()
    secrets_manager = client("secretsmanager")
    return Migrator(upgrade=lambda: upgrade_at(database_address(settings, secrets_manager)), now=utc_now)
