"""How a function is known to Kafka's brokers: by the secrets that the stage names, or by its role."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_iam as iam

from cdk.settings.sections.kafka import ExistingMsk, OwnBrokers

#: MSK's permission to ask for the brokers' addresses. It cannot be limited to one cluster.
FIND_BROKERS = "kafka:GetBootstrapBrokers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The secrets with which a client logs in and recognizes the brokers. The function's role reads them."""

    mechanism: str
    secret: str | None
    authority: str | None
    key: str | None

    @classmethod
    def of(cls, settings: ExistingMsk | OwnBrokers) -> "Login | None":
        authority = settings.ca_secret_arn if isinstance(settings, OwnBrokers) else None
        if not (settings.auth_secret_arn or authority):
            return None
        return cls(
            mechanism=settings.auth_mechanism,
            secret=settings.auth_secret_arn,
            authority=authority,
            key=settings.secrets_key_arn,
        )

    def grant(self, role: iam.Role) -> None:
        secrets = [arn for arn in (self.secret, self.authority) if arn]
        role.add_to_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=secrets))
        if self.key:
            grant(role, ["kms:Decrypt"], self.key)


def grant(role: iam.Role, actions: Sequence[str], resource: str) -> None:
    role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=[resource]))
