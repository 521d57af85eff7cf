"""The sections of a stage's settings: what each value may be, and what it is when cdk.json does not say."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cdk.settings.rules import ListOf, Number, OneOf, Switch, Text, Whole

MINUTE, HOUR, DAY = 60, 3600, 86400

PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

_ID = r"[0-9a-f]{8}(?:[0-9a-f]{9})?"
_Address = Text(r"[A-Za-z0-9.-]+", "a host name or address, without scheme or port")
Secret = Text(r"arn:aws[a-z-]*:secretsmanager:[^:]+:[0-9]{12}:secret:.+", "the whole ARN of a Secrets Manager secret")
_Resource = Text(r"(db|cluster)-[A-Z0-9]+", "RDS's resource id, such as db-ABCDEFGHIJKL01234")
_Topic = Text(r"arn:aws[a-z-]*:sns:[^:]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}", "the ARN of an SNS topic")
_Email = Text(r"[^\s@]+@[^\s@]+\.[^\s@]+", "an e-mail address")
_Memory = Whole(128, 10240)
_Cidr = Text(
    r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}/(?:1[6-9]|2[0-4])", "a block of addresses such as 10.0.0.0/16, from /16 to /24"
)
Instance = Text(r"[a-z][a-z0-9]*\.[a-z0-9]+", "an instance class such as t4g.micro")
_Line = Text(r"[^\r\n]{1,100}", "one line of up to 100 characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A VPC for the functions and the Kafka poller, existing or new; without either they run outside of any."""

    #: a VPC with a way out, made by the data stack
    new: Annotated[bool, Switch()] = False
    cidr: Annotated[str, _Cidr] = "10.0.0.0/16"
    #: a gateway is AWS's to keep running; an instance costs a fifth
    nat: Annotated[Literal["gateway", "instance"], OneOf(["gateway", "instance"])] = "gateway"
    #: how many it spans: two are enough for all but Kafka brokers that should outlive the loss of one
    zones: Annotated[Literal[2, 3], OneOf([2, 3])] = 2
    #: ingest, claim and migrate reach AWS's services by endpoints, and nothing else; send alone keeps the way out
    endpoints: Annotated[bool, Switch()] = False
    vpc_id: Annotated[str | None, Text(rf"vpc-{_ID}", "the id of a VPC")] = None
    #: private subnets with a way out to Feishu and to AWS's own services
    subnet_ids: Annotated[tuple[str, ...], ListOf(Text(rf"subnet-{_ID}", "the id of a subnet"))] = ()
    security_group_ids: Annotated[tuple[str, ...], ListOf(Text(rf"sg-{_ID}", "the id of a security group"))] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDatabase:
    """RDS for MySQL, made by the data stack."""

    #: IAM authentication alone wants 300 to 1000 MiB, says AWS: a t4g.micro has 1024
    instance_class: Annotated[str, Instance] = "t4g.small"
    storage_gb: Annotated[int, Whole(20, 16_384)] = 20
    multi_az: Annotated[bool, Switch()] = False
    backup_days: Annotated[int, Whole(1, 35)] = 7
    deletion_protection: Annotated[bool, Switch()] = True
    #: the password is another one after this many days
    rotation_days: Annotated[int, Whole(1, 1000)] = 30
    #: RDS Proxy before it, which shares connections
    proxy: Annotated[bool, Switch()] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An existing MySQL by its address and secret, or a new one."""

    new: NewDatabase | None = None
    endpoint: Annotated[str | None, _Address] = None
    port: Annotated[int, Whole(1, 65535)] = 3306
    name: Annotated[str, Text(r"[A-Za-z0-9_]{1,64}", "a database name: letters, digits and underscores")] = "hongyan"
    #: the secret's value is JSON with username and password
    secret_arn: Annotated[str | None, Secret] = None
    #: of an existing RDS: functions are users of their own by IAM, and only the migration logs in by the secret
    iam_resource_id: Annotated[str | None, _Resource] = None
    #: certificate authorities, where the function sees them; empty is no TLS, for the local stage only
    ca_file: Annotated[str, Text(r"(/.*)?", "an absolute path, or empty for no TLS")] = "/opt/rds-ca.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    timeout_seconds: Annotated[int, Whole(1, 14 * MINUTE)] = 60
    memory_mb: Annotated[int, _Memory] = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    every_minutes: Annotated[int, Whole(1, 59)] = 1
    #: just under a minute, so that one tick ends before the next begins
    timeout_seconds: Annotated[int, Whole(5, 15 * MINUTE)] = 55
    memory_mb: Annotated[int, _Memory] = 512
    #: rows leased by one statement
    batch_size: Annotated[int, Whole(1, 5_000)] = 500
    #: with this many pointers in the queue, due rows wait in MySQL
    max_queued_pointers: Annotated[int, Whole(1, 1_000_000)] = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    #: how many Feishu calls one function makes at once
    concurrency: Annotated[int, Whole(1, 500)] = 32
    #: how many functions send at once
    max_concurrency: Annotated[int, Whole(2, 1000)] = 5
    timeout_seconds: Annotated[int, Whole(5, 15 * MINUTE)] = 60
    memory_mb: Annotated[int, _Memory] = 512
    #: how long one Feishu call may take
    feishu_timeout_seconds: Annotated[float, Number(0.1, 60)] = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrate:
    #: more than another migration is waited for (5 minutes)
    timeout_seconds: Annotated[int, Whole(6 * MINUTE, 15 * MINUTE)] = 15 * MINUTE
    memory_mb: Annotated[int, _Memory] = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Not for a stage to say: making a topic takes seconds, and the rest is for a new cluster to be reached."""

    timeout_seconds: Annotated[int, Whole(MINUTE, 15 * MINUTE)] = 5 * MINUTE
    memory_mb: Annotated[int, _Memory] = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    retention_seconds: Annotated[int, Whole(MINUTE, 14 * DAY)] = 4 * DAY
    #: how long a received message is hidden; by default 6 times the sender's time-out, which is Lambda's own advice
    visibility_seconds: Annotated[int | None, Whole(0, 12 * HOUR)] = None
    max_receive_count: Annotated[int, Whole(1, 1000)] = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Backoff: base, doubled for each attempt, capped, plus up to this share of jitter."""

    base_seconds: Annotated[float, Number(0.1, DAY)] = 5 * MINUTE
    cap_seconds: Annotated[float, Number(0.1, DAY)] = 30 * MINUTE
    jitter: Annotated[float, Number(0, 1)] = 0.1
    max_attempts: Annotated[int, Whole(1, 100)] = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    event: Annotated[str, _Line] = "smartflow.schedule_adjustment_ready"
    title: Annotated[str, _Line] = "SmartFlow 日程调整建议"
    action_text: Annotated[str, _Line] = "查看并确认调整"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """Where alarms go, one way or the other; without either they only show in CloudWatch."""

    #: an existing topic of the stage's region, which CloudWatch may publish to
    topic_arn: Annotated[str | None, _Topic] = None
    #: who confirms the first mail gets the rest
    email: Annotated[str | None, _Email] = None
