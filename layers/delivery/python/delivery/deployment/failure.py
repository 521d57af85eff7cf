"""The error that a deployment shows to people."""


class DeploymentError(Exception):
    """The deployment cannot have what it asked for. The text is for people, in the server's own words where it refused.

    It holds no credential, because CloudFormation shows it to everybody who may see the stack.
    """
