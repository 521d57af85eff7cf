"""Makes endpoints of AWS's services inside a VPC.

S3's gateway endpoint is free and always there. These cost by the hour and zone, so there are only those that functions
without another way out call, and those of Kafka's poller, which would otherwise stop with the zone of the NAT. Logs and
traces need none: Lambda itself sends them, over its own network.
"""

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

_HTTPS = ec2.Port.tcp(443)
_SERVICES = ec2.InterfaceVpcEndpointAwsService
#: Functions read secrets. AWS's function that rotates MySQL's password uses this endpoint too, and writes one.
_SECRETS = (
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:GetRandomPassword",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
)
_QUEUES = ("sqs:GetQueueAttributes", "sqs:SendMessage")
#: The poller assumes the function's role and calls the function (Lambda's page "Configuring your Amazon MSK cluster
#: and Amazon VPC network for Lambda"). Its principal is Lambda itself, which has no account.
_POLLER: Mapping[str, str] = {"Lambda": "lambda:InvokeFunction", "Sts": "sts:AssumeRole"}


def answers_endpoint(vpc: ec2.Vpc) -> None:
    """Makes S3's endpoint, through which migrate and topic send their answers to CloudFormation, and nothing else.

    CloudFormation signs the answer's URL, so its principal is outside this account. The bucket is that of "Access
    CloudFormation using an interface endpoint (AWS PrivateLink)". The public subnets do not use the endpoint, because
    the NAT instance fetches its updates from other buckets.
    """
    functions = ec2.SubnetSelection(subnets=[*vpc.private_subnets, *vpc.isolated_subnets])
    endpoint = vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3, subnets=[functions])
    region = Fn.join("", Fn.split("-", Aws.REGION))
    bucket = f"arn:{Aws.PARTITION}:s3:::cloudformation-custom-resource-response-{region}/*"
    answers = iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=["s3:PutObject"], resources=[bucket])
    endpoint.add_to_policy(answers)


class Endpoints(Construct):
    """Private DNS gives these services their usual names, so everything in the VPC uses the endpoints."""

    def __init__(self, scope: Construct, name: str, *, vpc: ec2.IVpc, polled: bool) -> None:
        super().__init__(scope, name)
        self._vpc = vpc
        self._group = ec2.SecurityGroup(
            self,
            "Group",
            vpc=vpc,
            description="Hongyan: endpoints of AWS services; only the functions come in",
            allow_all_outbound=False,
        )
        made = [
            self._for_functions("SecretsManager", _SERVICES.SECRETS_MANAGER, _SECRETS),
            self._for_functions("Sqs", _SERVICES.SQS, _QUEUES),
        ]
        if polled:
            made += [self._for_poller("Lambda", _SERVICES.LAMBDA_), self._for_poller("Sts", _SERVICES.STS)]
        for endpoint in made:  # an endpoint takes the service's name at once, so its rules must exist before it
            endpoint.node.add_dependency(self._group)
        self.ids = [it.vpc_endpoint_id for it in made]

    def let_in(self, groups: Sequence[ec2.ISecurityGroup]) -> None:
        for group in groups:
            self._group.connections.allow_from(group, _HTTPS, "From the functions")

    def _for_functions(
        self, name: str, service: ec2.InterfaceVpcEndpointAwsService, actions: Sequence[str]
    ) -> ec2.InterfaceVpcEndpoint:
        endpoint = self._endpoint(name, service)
        endpoint.add_to_policy(
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=list(actions),
                resources=["*"],
                conditions={"StringEquals": {"aws:PrincipalAccount": Stack.of(self).account}},
            )
        )
        return endpoint

    def _for_poller(self, name: str, service: ec2.InterfaceVpcEndpointAwsService) -> ec2.InterfaceVpcEndpoint:
        endpoint = self._endpoint(name, service)
        endpoint.add_to_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("lambda.amazonaws.com")], actions=[_POLLER[name]], resources=["*"]
            )
        )
        return endpoint

    def _endpoint(self, name: str, service: ec2.InterfaceVpcEndpointAwsService) -> ec2.InterfaceVpcEndpoint:
        return ec2.InterfaceVpcEndpoint(
            self,
            name,
            vpc=self._vpc,
            service=service,
            subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[self._group],
            private_dns_enabled=True,
            open=False,  # otherwise the CDK lets in the whole VPC
        )
