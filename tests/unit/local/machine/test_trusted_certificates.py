"""The machine's certificates, in the form that Java reads."""

from pathlib import Path

import certifi
import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from local.machine.trusted_certificates import machine_certificates, trust_store


def test_the_trust_store_has_each_certificate_and_no_password():
    """Java opens it without being told one; what is not a certificate does not spoil the rest."""
    certificates = machine_certificates()
    read = pkcs12.load_pkcs12(trust_store([*certificates, b"not a certificate"]), None)
    assert len(read.additional_certs) == len(certificates) > 10


def test_a_machine_without_certificates_has_certifis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As in a container with nothing but Python."""
    (empty := tmp_path / "none.pem").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(empty))
    with_none = machine_certificates()
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    assert with_none == machine_certificates() != []
