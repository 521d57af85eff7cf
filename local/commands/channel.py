"""`channel`: saves how a user is reached, if the stack's sender will accept the URL."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from delivery.feishu.flow_webhook import webhook_problem
from local.machine.processes import CannotStartError
from local.sam import CONTAINER_HOST
from local.servers.aws import Aws
from local.user_channels import feishu_channel, open_channels, webhook_url


def save_channel(
    endpoints: Mapping[str, Any],
    *,
    user_id: int,
    url: str | None,
    token: str,
    enabled: bool,
    say: Callable[[str], None],
) -> None:
    url = url or webhook_url(endpoints["feishu_url"], f"local-user-{user_id}")
    _refuse_if_sender_will(url, endpoints)
    channels = open_channels(endpoints["database_url"], Aws(endpoint_url=endpoints["aws_endpoint_url"]))
    channels.save(feishu_channel(user_id, url, enabled=enabled, bearer_token=token), now=datetime.now(UTC))
    say(f"user {user_id} is reached at {url}" if enabled else f"user {user_id}'s channel is saved, and disabled")


def _refuse_if_sender_will(url: str, endpoints: Mapping[str, Any]) -> None:
    allowed = tuple(endpoints["webhook_origins"])
    in_a_container = tuple(origin.replace("127.0.0.1", CONTAINER_HOST) for origin in allowed)
    problem = webhook_problem(url, allowed)
    if problem and webhook_problem(url, in_a_container):
        remedy = (
            "; other origins are allowed by webhook_origins in cdk.json, stages.local" if "begin" in problem else ""
        )
        raise CannotStartError(f"--webhook-url: {problem.removeprefix('webhook_url ')}{remedy}")
