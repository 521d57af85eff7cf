"""Deploys stage `local` to the running servers: secret, tables, synthesis, and the template's resources in moto."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from delivery.deployment.migrate import upgrade
from local.servers.all_servers import Servers
from local.servers.aws import Aws
from local.template.assets import assets_of
from local.template.deployment import Deployment
from local.template.moto_stack import create_moto_stack
from local.template.overrides import SECRET_NAME, STACK_NAME, stack_overrides
from local.template.parse_deployment import parse_deployment
from local.template.synth import synthesize


def deploy_local_stage(
    servers: Servers, *, assembly: Path, say: Callable[[str], None], debug: Callable[[str], None]
) -> Deployment:
    _save_secret(servers.database_url, servers.aws)
    with _timed("tables are up to date", say):
        upgrade(servers.database_url)
    settings = stack_overrides(
        database_url=servers.database_url,
        kafka_bootstrap_servers=servers.kafka.bootstrap_servers,
        feishu_url=servers.feishu_url,
        issuer_url=servers.issuer.url,
    )
    with _timed("the stacks are synthesized", say):
        template = synthesize(settings, out=assembly, say=say)
    with _timed("the template's resources exist", say):
        resources = create_moto_stack(template, aws=servers.aws, stack_name=STACK_NAME, debug=debug)
    return parse_deployment(resources, assets_of(template))


def _save_secret(database_url: str, aws: Aws) -> None:
    """Saves user and password where a function reads them, as on AWS."""
    url = make_url(database_url)
    secret = json.dumps({"username": url.username or "root", "password": url.password or ""})
    client = aws.session.client("secretsmanager", endpoint_url=aws.endpoint_url)
    client.create_secret(Name=SECRET_NAME, SecretString=secret)


@contextmanager
def _timed(what: str, say: Callable[[str], None]) -> Iterator[None]:
    began = time.monotonic()
    yield
    say(f"hongyan: {what} ({time.monotonic() - began:.1f} s)")
