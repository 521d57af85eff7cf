"""Free ports, and those that a checkout keeps."""

import json
import socket
from pathlib import Path

import pytest

from local.machine.ports import free_port, is_free, remembered_ports


@pytest.fixture
def taken():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_ports_are_the_same_the_next_time(tmp_path: Path):
    """Clients keep their settings between runs of a checkout."""
    file = tmp_path / "new" / "ports.json"
    first = remembered_ports(file, ["mysql", "kafka"])
    assert len(set(first.values())) == 2
    assert remembered_ports(file, ["kafka", "mysql"]) == first


def test_a_remembered_port_that_somebody_took_is_replaced(tmp_path: Path, taken: int):
    """A second checkout, or any other program, may have it by now."""
    file = tmp_path / "ports.json"
    file.write_text(json.dumps({"mysql": taken, "kafka": (kept := free_port())}))
    ports = remembered_ports(file, ["mysql", "kafka"])
    assert ports["mysql"] != taken
    assert ports["kafka"] == kept
    assert json.loads(file.read_text()) == ports


def test_ports_of_other_names_are_kept_and_left_alone(tmp_path: Path):
    """A server that is not started this time finds its port again."""
    file = tmp_path / "ports.json"
    first = remembered_ports(file, ["feishu"])
    second = remembered_ports(file, ["mysql"])
    assert second["mysql"] != first["feishu"]
    assert json.loads(file.read_text()) == first | second


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"a": "x"}', b'{"a": true}', b'{"a": 0}', b'{"a": 70000}', b"[" * 9999],
)
def test_a_damaged_file_costs_only_the_memory(tmp_path: Path, text: bytes):
    """A file cut short or edited by hand never keeps the stack from starting."""
    file = tmp_path / "ports.json"
    file.write_bytes(text)
    ports = remembered_ports(file, ["a"])
    assert is_free(ports["a"])
    assert json.loads(file.read_text()) == ports


def test_two_names_never_share_a_port(tmp_path: Path):
    """Even when the file says so."""
    file = tmp_path / "ports.json"
    file.write_text(json.dumps({"a": (port := free_port()), "b": port}))
    ports = remembered_ports(file, ["a", "b"])
    assert ports["a"] == port != ports["b"]
