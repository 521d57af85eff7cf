"""The servers of the stack that SAM's containers have to reach are forwarded, by port."""

from local.sam.template import loopback_ports

ENDPOINTS = {
    "database_url": "mysql+pymysql://root@127.0.0.1:13306/hongyan",
    "aws_endpoint_url": "http://127.0.0.1:14566",
    "feishu_url": "http://127.0.0.1:18080",
    "kafka_bootstrap_servers": "127.0.0.1:19092",
}


def test_the_ports_of_what_the_functions_call_are_forwarded() -> None:
    """Not Kafka's: no function calls it."""
    assert loopback_ports(ENDPOINTS) == [13306, 14566, 18080]


def test_a_database_elsewhere_is_reached_without_us() -> None:
    """DATABASE_URL may name any; one on this machine may leave out MySQL's port."""
    elsewhere = {**ENDPOINTS, "database_url": "mysql+pymysql://root@mysql.example:3306/hongyan"}
    assert loopback_ports(elsewhere) == [14566, 18080]
    without_port = {**ENDPOINTS, "database_url": "mysql+pymysql://root@localhost/hongyan"}
    assert loopback_ports(without_port) == [3306, 14566, 18080]
