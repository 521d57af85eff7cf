"""Says where MySQL is, and what each function needs to log in: environment variables and one IAM statement."""

from dataclasses import dataclass

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from cdk.settings.database import ExistingMySql, ExistingRds

#: the stages that are MySQL users of their own where IAM knows the database; `deployment.rights` has their rights
STAGES = ("ingest", "claim", "send")
#: the one function that logs in as the secret's user, who may make tables and users
_MIGRATES = "migrate"


def user_prefix(database: str) -> str:
    """Named after the database, so that stages on one server share no users."""
    return f"{database}_"


def login(resource_id: str, user: str) -> iam.PolicyStatement:
    """To log in as this user, to what RDS knows by this id."""
    user_arn = f"arn:{Aws.PARTITION}:rds-db:{Aws.REGION}:{Aws.ACCOUNT_ID}:dbuser:{resource_id}/{user}"
    return iam.PolicyStatement(actions=["rds-db:connect"], resources=[user_arn])


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What one function needs to log in."""

    environment: dict[str, str]
    grant: iam.PolicyStatement


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    host: str
    port: int
    name: str
    #: by ARN and not as a construct: a grant on another stack's secret would tie the two stacks in a circle
    secret_arn: str
    #: empty is a connection without TLS
    ca_file: str
    #: RDS's name of an instance that this stage made, by which CloudWatch knows it
    instance: str | None = None
    #: RDS's id of what functions connect to, by which IAM knows it; without it they all log in by the secret
    iam_resource_id: str | None = None
    #: where the migration connects, past a proxy that knows the functions' users only
    migration_host: str | None = None

    @classmethod
    def existing(cls, settings: ExistingMySql) -> "Database":
        return cls(
            host=settings.endpoint,
            port=settings.port,
            name=settings.name,
            secret_arn=settings.secret_arn,
            ca_file=settings.ca_file,
            iam_resource_id=settings.iam_resource_id if isinstance(settings, ExistingRds) else None,
        )

    def access(self, function: str) -> Access:
        """A user of its own for each function but the migration, where IAM knows the database."""
        prefix = user_prefix(self.name) if self.iam_resource_id else ""
        if function == _MIGRATES:
            return self._by_secret(self.migration_host or self.host, DATABASE_USER_PREFIX=prefix)
        if self.iam_resource_id:
            return self._by_iam(f"{prefix}{function}", self.iam_resource_id)
        return self._by_secret(self.host, DATABASE_USER="")

    def _by_secret(self, host: str, **user: str) -> Access:
        return Access(
            environment={**self._place(host), "DATABASE_SECRET_ARN": self.secret_arn, **user},
            grant=iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[self.secret_arn]),
        )

    def _by_iam(self, user: str, resource_id: str) -> Access:
        return Access(
            environment={**self._place(self.host), "DATABASE_SECRET_ARN": "", "DATABASE_USER": user},
            grant=login(resource_id, user),
        )

    def _place(self, host: str) -> dict[str, str]:
        return {
            "DATABASE_HOST": host,
            "DATABASE_PORT": str(self.port),
            "DATABASE_NAME": self.name,
            "DATABASE_CA_FILE": self.ca_file,
        }
