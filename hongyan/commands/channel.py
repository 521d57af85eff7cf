"""`channel show|save|delete|test`: how a user is reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from hongyan.commands.bulk import confirm
from hongyan.commands.command import Service, command
from hongyan.failure import FAILED, USAGE, Failure, Refused
from hongyan.place.target import Target
from hongyan.shown.tables import details, under

_User = Annotated[int | None, typer.Option("--user", min=1, help="The user; by default the token's own.")]
_Way = Annotated[str, typer.Option("--way", help="The last segment of the channel's path.")]


def add_to(app: typer.Typer) -> None:
    channel = typer.Typer(
        help="Show, save, delete or test how a user is reached.", no_args_is_help=True, rich_markup_mode="rich"
    )
    functions: dict[str, Callable[..., None]] = {"show": show, "save": save, "delete": delete, "test": send_test}
    for name, function in functions.items():
        channel.command(name)(command(function))
    app.add_typer(channel, name="channel")


def show(service: Service, user: _User = None, way: _Way = "feishu") -> None:
    """Show a user's channels, webhooks masked.

    hongyan channel show --user 7
    hongyan channel show
    """
    if user is None:
        api, _ = service.target().user(None)
        found: list[Mapping[str, Any]] = [api.get(f"channels/{way}")]
    else:
        found = service.api().get("operate/channels", user_id=user)["items"]
    for one in found:
        service.output.document(one)
        service.output.show(details(one))
    if not found:
        service.output.show(Text(f"user {user} has no channel"))


def save(
    service: Service,
    *,
    user: _User = None,
    webhook_url: Annotated[
        str | None, typer.Option(help="Where Feishu is called; on the local stack by default its simulator.")
    ] = None,
    bearer_token: Annotated[
        str, typer.Option(envvar="HONGYAN_BEARER_TOKEN", help="What Feishu's flow wants to see.")
    ] = "",
    disabled: Annotated[bool, typer.Option("--disabled", help="Save it, but do not use it.")] = False,
    way: _Way = "feishu",
) -> None:
    """Save how a user is reached. For a user other than the token's, sign in to AWS: that request uses IAM.

    hongyan channel save --user 7
    hongyan channel save --user 7 --webhook-url https://www.feishu.cn/flow/api/trigger-webhook/KEY
    """
    target = service.target()
    body = {
        "webhook_url": webhook_url or _simulated(target, user),
        "enabled": not disabled,
        "auth_type": "bearer" if bearer_token else "none",
        "bearer_token": bearer_token,
    }
    try:
        saved = _call(target, "PUT", user, way, body=body)
    except Refused as refused:
        raise Refused(f"{refused}; {_rules(target)}") from None
    service.output.either(saved, details(saved))


def delete(
    service: Service,
    *,
    user: _User = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    way: _Way = "feishu",
) -> None:
    """Delete a user's channel: they get nothing until one is saved again.

    hongyan channel delete --user 7
    """
    target = service.target()
    if not yes:
        confirm(f"delete the channel {way} of {f'user {user}' if user else 'your own user'}?")
    deleted = _call(target, "DELETE", user, way)
    service.output.either(deleted, Text("deleted"))


def send_test(service: Service, *, user: _User = None, way: _Way = "feishu") -> None:
    """Send a test message to Feishu, for real. Exit code 1 if it does not arrive.

    hongyan channel test --user 7
    """
    came = _call(service.target(), "POST", user, f"{way}/test", once=True)
    row = {name: value for name, value in came.items() if name != "channel"}
    service.output.either(came, Group(details(row), under("channel", details(came["channel"]))))
    if came["status"] != "success":
        raise typer.Exit(FAILED)


def _call(target: Target, method: str, user: int | None, path: str, **rest: Any) -> Any:  # noqa: ANN401 - JSON
    api, begin = target.user(user)
    return api.call(method, f"{begin}channels/{path}", **rest)


def _rules(target: Target) -> str:
    """Names the rules, because the API's refusal says no more than it told the Go service's front ends."""
    if target.local is None:
        return "a webhook begins with an origin of the stage's webhook_origins, a token is printable ASCII"
    begins = " or ".join(target.local["webhook_origins"])
    return f"a webhook begins with {begins}; webhook_origins in cdk.json, stages.local, allows others"


def _simulated(target: Target, user: int | None) -> str:
    if target.local is None:
        raise Failure("--webhook-url: should be given; only the local stack has a simulator of Feishu", USAGE)
    return target.local.webhook_url(user or 1)
