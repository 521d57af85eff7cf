"""Says where MySQL is, and what each function needs to log in: environment variables and one IAM statement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from cdk.settings.sections.database import ExistingMySql, ExistingRds

#: Only this function logs in as the secret's user, who may make tables and users.
_MIGRATES = "migrate"


def user_prefix(database: str) -> str:
    """Names users after the database, so that stages on one server do not share them."""
    return f"{database}_"


def login(resource_id: str, user: str) -> iam.PolicyStatement:
    """Allows a login as this user to the instance with this RDS resource id."""
    user_arn = f"arn:{Aws.PARTITION}:rds-db:{Aws.REGION}:{Aws.ACCOUNT_ID}:dbuser:{resource_id}/{user}"
    return iam.PolicyStatement(actions=["rds-db:connect"], resources=[user_arn])


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What one function needs to log in."""

    environment: dict[str, str]
    grants: Sequence[iam.PolicyStatement]


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    host: str
    port: int
    name: str
    #: An ARN, because a grant on another stack's secret construct would make the stacks depend on each other.
    secret_arn: str
    #: If it is empty, connections do not use TLS.
    ca_file: str
    #: The key that encrypts the secret, unless it is Secrets Manager's own.
    secret_key_arn: str | None = None
    #: The RDS identifier of an instance that this stage made, as in CloudWatch's metrics.
    instance: str | None = None
    #: The RDS resource id that IAM policies name. Without it all functions log in with the secret.
    iam_resource_id: str | None = None
    #: Every value that the data stack can export about a MySQL that it made.
    offered: Sequence[str] = ()

    @classmethod
    def existing(cls, settings: ExistingMySql) -> "Database":
        return cls(
            host=settings.endpoint,
            port=settings.port,
            name=settings.name,
            secret_arn=settings.secret_arn,
            secret_key_arn=settings.secret_key_arn,
            ca_file=settings.ca_file,
            iam_resource_id=settings.iam_resource_id if isinstance(settings, ExistingRds) else None,
        )

    def access(self, function: str) -> Access:
        """If the database accepts IAM logins, each function except the migration gets its own MySQL user."""
        prefix = user_prefix(self.name) if self.iam_resource_id else ""
        if function == _MIGRATES:
            return self._by_secret(DATABASE_USER_PREFIX=prefix)
        if self.iam_resource_id:
            return self._by_iam(f"{prefix}{function}", self.iam_resource_id)
        return self._by_secret(DATABASE_USER="")

    def _by_secret(self, **user: str) -> Access:
        return Access(
            environment={**self._place(), "DATABASE_SECRET_ARN": self.secret_arn, **user},
            grants=[*self._read_secret()],
        )

    def _read_secret(self) -> Iterator[iam.PolicyStatement]:
        """Secrets Manager decrypts as the reader and names the secret ("Secret encryption and decryption")."""
        yield iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[self.secret_arn])
        if self.secret_key_arn:
            only = {"StringEquals": {"kms:EncryptionContext:SecretARN": self.secret_arn}}
            yield iam.PolicyStatement(actions=["kms:Decrypt"], resources=[self.secret_key_arn], conditions=only)

    def _by_iam(self, user: str, resource_id: str) -> Access:
        return Access(
            environment={**self._place(), "DATABASE_SECRET_ARN": "", "DATABASE_USER": user},
            grants=[login(resource_id, user)],
        )

    def _place(self) -> dict[str, str]:
        return {
            "DATABASE_HOST": self.host,
            "DATABASE_PORT": str(self.port),
            "DATABASE_NAME": self.name,
            "DATABASE_CA_FILE": self.ca_file,
        }
