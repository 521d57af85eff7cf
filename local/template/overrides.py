"""Stage `local`: what `stages.local` of cdk.json says, and the few keys that the running stack sets itself.

A key that the stack sets may not be set in cdk.json as well: it would have no effect.
"""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy.engine import make_url

from cdk.settings.context import own_context
from cdk.settings.sections.api import Issuer
from cdk.settings.stage import LOCAL, StageSettings, stage_settings
from local.issuer.tokens import TokenTerms
from local.machine.processes import CannotStartError
from local.sam import CONTAINER_HOST

#: the name of the CloudFormation stack in moto
STACK_NAME = "hongyan-local"
#: moto ends a secret's ARN in six random characters; a secret with this *name* is found by the ARN below
SECRET_NAME = "hongyan/local/mysql-AAAAAA"  # noqa: S105 - a name
SECRET_ARN = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{SECRET_NAME}"

_DATABASE = "the stack's own MySQL is used, or the one that DATABASE_URL names"
_KAFKA = "the stack's own Kafka is used, or the one that KAFKA_BOOTSTRAP_SERVERS names"
_ISSUER = "the stack's own issuer is used"
_MACHINE = "this machine's is used"
#: what the stack sets, and why
_SET_BY_THE_STACK: Mapping[tuple[str, ...], str] = {
    ("database", "endpoint"): _DATABASE,
    ("database", "port"): _DATABASE,
    ("database", "name"): _DATABASE,
    ("database", "secret_arn"): _DATABASE,
    ("kafka", "bootstrap_servers"): _KAFKA,
    ("api", "tokens", "issuer"): _ISSUER,
    ("architecture",): _MACHINE,
    ("python",): _MACHINE,
    ("wheels",): _MACHINE,
}
#: cdk.json has placeholders for these, so that the stage is complete without a running stack.
_PLACEHOLDERS: Mapping[tuple[str, ...], object] = {
    ("database", "endpoint"): "127.0.0.1",
    ("database", "secret_arn"): SECRET_ARN,
    ("kafka", "bootstrap_servers"): ["127.0.0.1:9092"],
    ("api", "tokens", "issuer"): "http://127.0.0.1:9000",
}


def local_stage() -> StageSettings:
    """Stage `local` from cdk.json.

    Raises:
        SettingsError: a value is wrong.
        CannotStartError: a key is set that the stack sets itself.
    """
    settings = stage_settings(own_context().get("stages"), LOCAL)
    for path, reason in _SET_BY_THE_STACK.items():
        given, placeholder = _given(path), _PLACEHOLDERS.get(path)
        if given is not None and given != placeholder:
            wanted = f"should stay {json.dumps(placeholder)}" if placeholder else "should be left out"
            raise CannotStartError(f"cdk.json, stage {LOCAL}: {'.'.join(path)}: {wanted}: {reason}")
    return settings


def token_terms() -> TokenTerms:
    """The required content of a token from the local stack's issuer.

    Raises:
        CannotStartError: the stage has no API, or takes tokens of another kind.
    """
    api = local_stage().api
    if api is None or not isinstance(api.tokens, Issuer):
        raise CannotStartError(f"cdk.json, stage {LOCAL}: api.tokens.issuer: should be there: {_ISSUER}")
    return TokenTerms(audience=api.tokens.audience[0], user_claim=api.user_claim, operate_scope=api.operate_scope)


def stack_overrides(
    *, database_url: str, kafka_bootstrap_servers: str, feishu_url: str, issuer_url: str
) -> Mapping[str, object]:
    """The settings that the running stack merges into the stage before it is synthesized."""
    database = make_url(database_url)
    return {
        "database": {
            "endpoint": database.host,
            "port": database.port or 3306,
            "name": database.database,
            "secret_arn": SECRET_ARN,
        },
        "kafka": {"bootstrap_servers": [server.strip() for server in kafka_bootstrap_servers.split(",")]},
        "webhook_origins": webhook_origins(feishu_url),
        "api": {"tokens": {"issuer": issuer_url}},
    }


def webhook_origins(feishu_url: str) -> Sequence[str]:
    """The origins in cdk.json and the simulator's. Unless cdk.json has some, no message leaves this machine.

    A function in one of SAM's containers reaches the simulator by another name.
    """
    given = _given(("webhook_origins",))
    from_a_container = feishu_url.replace("127.0.0.1", CONTAINER_HOST)
    return [*(given if isinstance(given, list) else []), feishu_url, from_a_container]


def _given(path: Sequence[str]) -> object:
    value: object = own_context().get("stages")
    for key in (LOCAL, *path):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
