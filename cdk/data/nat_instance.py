"""The NAT instance: the smallest type, which nobody can log in to and which updates itself."""

from aws_cdk import aws_ec2 as ec2

#: Amazon Linux stays at its image's release by default ("Using Deterministic upgrades through versioned repositories"),
#: and its dnf does not see that a new kernel needs a restart (amazon-linux-2023 #1125). "Updating AL2023" advises
#: against `latest` for releases that were not tried before; stages that need that use the gateway.
_UPDATE = """[Unit]
Description=Install the newest release and restart

[Service]
Type=oneshot
ExecStart=/usr/bin/dnf --assumeyes --refresh --releasever=latest upgrade
ExecStart=/usr/bin/systemctl reboot
"""
#: In UTC. Sends that fail in the minute of the restart are tried again.
_WEEKLY = """[Timer]
OnCalendar=Sun 04:00

[Install]
WantedBy=timers.target
"""


def nat_instance() -> ec2.NatInstanceProviderV2:
    """Has a public address from the start, to fetch software before the fixed address is attached."""
    boot = ec2.UserData.for_linux()
    boot.add_commands(*ec2.NatInstanceProviderV2.DEFAULT_USER_DATA_COMMANDS)
    boot.add_commands("systemctl disable --now sshd", _file("update.service", _UPDATE), _file("update.timer", _WEEKLY))
    boot.add_commands("systemctl enable --now update.timer")
    return ec2.NatProvider.instance_v2(
        instance_type=ec2.InstanceType("t4g.nano"),
        default_allowed_traffic=ec2.NatTrafficDirection.OUTBOUND_ONLY,
        associate_public_ip_address=True,
        user_data=boot,
    )


def _file(name: str, text: str) -> str:
    return f"cat > /etc/systemd/system/{name} <<'END'\n{text}END"
