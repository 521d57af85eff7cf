"""Settings: one frozen class per function, from the environment; each complaint is a line that names the variable."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingsError(Exception):
    """Settings are missing or malformed; the text has a line for each."""


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _site(value: str) -> str:
    return value.rstrip("/")


Filled = Annotated[str, Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Listed = Annotated[tuple[Filled, ...], BeforeValidator(_listed), Field(min_length=1)]
Origins = Annotated[
    tuple[Annotated[str, Field(pattern=r"^https?://[^/]+$")], ...], BeforeValidator(_listed), Field(min_length=1)
]
Prefixes = Annotated[
    tuple[Annotated[str, Field(pattern=r"^/[^/]")], ...], BeforeValidator(_listed), Field(min_length=1)
]
Site = Annotated[str, Field(pattern=r"^https?://[^/]+"), AfterValidator(_site)]
QueueUrl = Annotated[str, Field(pattern=r"^https?://")]


class Settings(BaseModel):
    """What every function needs: its database. A field is the variable of the same name in upper case."""

    # Built on first use: a cold start pays for the one class that its function reads.
    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True, defer_build=True)

    database_host: Filled
    database_port: Annotated[int, Field(gt=0, lt=65_536)] = 3306
    database_name: Filled
    #: A secret whose JSON has `username` and `password`.
    database_secret_arn: Filled
    #: PEM file of the authorities that sign the server's certificate; empty means no TLS, for one machine only.
    database_ca_file: str = ""

    @classmethod
    def names(cls) -> frozenset[str]:
        """The variables that this class reads."""
        return frozenset(name.upper() for name in cls.model_fields)

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The settings in this environment, the process's own by default.

        Raises:
            SettingsError: with one line for each variable that is missing or malformed.
        """
        given = os.environ if environment is None else environment
        try:
            return cls.model_validate({name: given[name.upper()] for name in cls.model_fields if name.upper() in given})
        except ValidationError as error:
            raise SettingsError(
                "\n".join(_complaint(detail["loc"], detail["msg"]) for detail in error.errors())
            ) from None


def _complaint(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]).upper() if location else "settings"
    rule = (
        "is missing"
        if message == "Field required"
        else message.replace("Input should", "should").replace("String should", "should")
    )
    return f"{name}: {rule}"


class IngestSettings(Settings):
    send_queue_url: QueueUrl
    handoff_deadline_seconds: Seconds = 300
    max_attempts: Annotated[int, Field(gt=0, le=100)] = 5
    allowed_url_prefixes: Prefixes = ("/assistant/",)


class ClaimSettings(Settings):
    send_queue_url: QueueUrl
    lease_seconds: Seconds = 600
    claim_batch_size: Annotated[int, Field(gt=0, le=5_000)] = 500
    max_queued_pointers: Annotated[int, Field(gt=0)] = 20_000


class SendSettings(Settings):
    lease_seconds: Seconds = 600
    send_concurrency: Annotated[int, Field(gt=0, le=500)] = 32
    retry_base_seconds: Seconds = 300
    retry_cap_seconds: Seconds = 1800
    retry_jitter: Annotated[float, Field(ge=0, le=1)] = 0.1
    data_key_arn: Filled
    webhook_origins: Origins = ("https://www.feishu.cn", "https://feishu.cn")
    feishu_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5
    action_base_url: Site
    message_event: Filled = "smartflow.schedule_adjustment_ready"
    message_title: Filled = "SmartFlow 日程调整建议"
    message_action_text: Filled = "查看并确认调整"
