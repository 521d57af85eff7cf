"""Keeps the user's AWS settings and proxies from affecting the local stack."""

import os

_LOOPBACK = ("127.0.0.1", "localhost")


def use_own_environment() -> None:
    """Changes this process's environment, which its children inherit.

    Removes the AWS variables: a missing profile would be an error although the stack has its own credentials. Keeps
    proxies for downloads, but not for the loopback.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    # urllib prefers the lower-case name, other programs know only one of the two.
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join([*filter(None, [given]), *_LOOPBACK])
