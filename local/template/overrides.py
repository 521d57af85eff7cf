"""Stage `local` where it differs from cdk.json: addresses of servers that run, numbers for a person's patience."""

from collections.abc import Mapping

from sqlalchemy.engine import make_url

#: of the CloudFormation stack in moto
STACK_NAME = "hongyan-local"
#: moto ends a secret's ARN in six random characters; a secret of this *name* is found by the ARN that cdk.json gives
SECRET_NAME = "hongyan/local/mysql-AAAAAA"  # noqa: S105 - a name
SECRET_ARN = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{SECRET_NAME}"


def local_settings(*, database_url: str, kafka_bootstrap_servers: str, feishu_url: str) -> Mapping[str, object]:
    """What is laid over the `local` stage before it is synthesized."""
    database = make_url(database_url)
    return {
        "database": {
            "endpoint": database.host,
            "port": database.port or 3306,
            "name": database.database,
            "secret_arn": SECRET_ARN,
        },
        "kafka": {"bootstrap_servers": [server.strip() for server in kafka_bootstrap_servers.split(",")]},
        "webhook_origins": [feishu_url],
        **_PATIENCE,
    }


#: The order is what matters and is kept: a Feishu call ends before its sender, a sender before its lease, and a retry
#: comes sooner than a lost pointer is noticed. The emulator counts a cold start into the sender's time-out.
_PATIENCE: Mapping[str, object] = {
    "send": {"timeout_seconds": 12, "feishu_timeout_seconds": 1.5},
    "lease_seconds": 13,
    "handoff_deadline_seconds": 6,
    "retry": {"base_seconds": 1.0, "cap_seconds": 4.0},
}
