"""Where MySQL is and how a function gets in: an environment for the function, and the one grant that it needs."""

from dataclasses import dataclass

from aws_cdk import aws_iam as iam


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

    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_HOST": self.host,
            "DATABASE_PORT": str(self.port),
            "DATABASE_NAME": self.name,
            "DATABASE_SECRET_ARN": self.secret_arn,
            "DATABASE_CA_FILE": self.ca_file,
        }

    def grant_connect(self, role: iam.Role) -> None:
        role.add_to_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[self.secret_arn]))
