"""The error that a deployment shows to people."""


class DeploymentError(Exception):
    """The deployment cannot have what it asked for. The message is for people and quotes the server if it refused.

    The message holds no credential, because CloudFormation shows it to everybody who may see the stack.
    """
