"""Finds the container engine as SAM does, and the address at which its containers reach this machine."""

import ipaddress
from typing import Any

import docker
from docker.errors import DockerException

from local.machine.processes import CannotStartError

_MISSING = (
    "SAM needs a container engine, and none answers here: start Docker (its socket, or DOCKER_HOST), or invoke the "
    "function without one, at its URL of `make up`: curl -d @{event} {url}"
)


def bridge_gateway(*, event: str, url: str) -> str:
    """The gateway of the default network. Without an engine, the error says how to use `url` instead."""
    try:
        client = docker.from_env()
        config: dict[str, Any] = client.networks.get("bridge").attrs["IPAM"]["Config"][0]
        client.close()
    except (DockerException, LookupError):
        raise CannotStartError(_MISSING.format(event=event, url=url)) from None
    # Docker reports a gateway only if one was configured; otherwise it is the first address.
    return str(config.get("Gateway") or next(ipaddress.ip_network(config["Subnet"]).hosts()))
