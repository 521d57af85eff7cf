"""IAM database authentication: a fresh token for each connection, by TLS to the right server only, and never shown."""

from __future__ import annotations

import shutil
import ssl
import traceback
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import NoCredentialsError
from botocore.session import Session
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from cdk.build.authorities import split
from delivery.aws.database_login import address_by_token
from delivery.aws.settings.claim import ClaimSettings
from delivery.aws.wiring.foundation import engine_of
from tests.unit.aws.credentials.clear_password import ClearPasswordServer, clear_password_server
from tests.unit.aws.test_settings import OWN_USER, QUEUE, REPORTS

HOST, USER = "mysql.abc.eu-west-1.rds.amazonaws.com", "hongyan_claim"


@pytest.fixture(autouse=True)
def role(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function's environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the role's secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a session/token+=")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is a minute later: a token says when it was made, to the second."""
    minutes = count()
    start = datetime(2026, 1, 31, 8, 0)  # noqa: DTZ001 - as botocore has it
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: start + timedelta(minutes=next(minutes)))


def settings(**over: str) -> ClaimSettings:
    return ClaimSettings.read(OWN_USER | QUEUE | REPORTS | over)


def parts(token: str) -> Mapping[str, Any]:
    return {"place": token.partition("?")[0], **parse_qs(urlsplit(f"//{token}").query)}


def test_a_token_is_what_botocore_s_own_client_makes() -> None:
    """Signature and all, at the same second, whatever the order of its parts."""
    session = Session()
    client: Any = session.create_client("rds")
    client.generate_db_auth_token(HOST, 3306, USER)  # the first one takes long
    before = address_by_token(settings(), session).password
    theirs = client.generate_db_auth_token(HOST, 3306, USER)
    after = address_by_token(settings(), session).password
    assert parts(theirs) in (parts(before), parts(after))
    assert parts(theirs)["X-Amz-Expires"] == ["900"]


def test_without_credentials_there_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the reason is said, not guessed from MySQL's refusal."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("botocore.credentials.InstanceMetadataProvider.load", lambda _: None)
    with pytest.raises(NoCredentialsError):
        address_by_token(settings(), Session())


@pytest.fixture
def server(tls: ssl.SSLContext) -> Iterator[ClearPasswordServer]:
    with clear_password_server(tls) as server:
        yield server


def function_engine(server: ClearPasswordServer, ca_file: Path) -> Engine:
    place = {"DATABASE_HOST": "127.0.0.1", "DATABASE_PORT": str(server.port), "DATABASE_CA_FILE": str(ca_file)}
    return engine_of(settings(**place))


def test_each_connection_has_a_token_of_its_own(server: ClearPasswordServer, certificate: Path, ticking: None) -> None:
    """One older than a quarter of an hour opens nothing, and an instance lives for hours."""
    engine = function_engine(server, certificate)
    for _ in range(3):
        with pytest.raises(OperationalError, match="Access denied"):
            engine.connect()
    made = [parts(password)["X-Amz-Date"][0] for password in server.passwords]
    assert made == ["20260131T080000Z", "20260131T080100Z", "20260131T080200Z"]
    assert {parts(password)["DBUser"][0] for password in server.passwords} == {USER}


def test_a_server_that_cannot_prove_its_name_gets_no_token(server: ClearPasswordServer, tmp_path: Path) -> None:
    """Whoever has a token can use it."""
    rds = Path("layers/delivery/rds-ca.pem")
    with pytest.raises(OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        function_engine(server, rds).connect()
    assert server.passwords == []


def test_a_private_authority_may_leave_out_key_identifiers_whatever_the_runtime(
    private: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.13 and later verify strictly by default, and would refuse a server that 3.12 took."""
    authority, certificate = private
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setattr(ssl, "create_default_context", strict_by_default)
    with clear_password_server(context) as server:
        with pytest.raises(OperationalError, match="Access denied"):
            function_engine(server, authority).connect()
        assert len(server.passwords) == 1


def test_a_bundle_that_the_build_has_split_is_looked_into(private: tuple[Path, Path], tmp_path: Path) -> None:
    """As in the layer. The bundle itself is gone here, to show that it is not read."""
    authority, certificate = private
    bundle = Path(shutil.copy(authority, tmp_path))
    split(bundle)
    bundle.unlink()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with clear_password_server(context) as server:
        with pytest.raises(OperationalError, match="Access denied"):
            function_engine(server, bundle).connect()
        assert len(server.passwords) == 1


def strict_by_default(*, cafile: str) -> ssl.SSLContext:
    """What `ssl.create_default_context` makes from Python 3.13 on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def test_this_is_what_a_strict_context_refuses(private: tuple[Path, Path]) -> None:
    """Else the test above would prove nothing."""
    authority, certificate = private
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    client_side = strict_by_default(cafile=str(authority)).wrap_bio(ours, theirs, server_hostname="127.0.0.1")
    server_side = server.wrap_bio(theirs, ours, server_side=True)
    for side in (client_side, server_side):
        with pytest.raises(ssl.SSLWantReadError):
            side.do_handshake()
    with pytest.raises(ssl.SSLCertVerificationError, match="Missing Authority Key Identifier"):
        client_side.do_handshake()


def test_a_server_without_tls_gets_no_token(certificate: Path) -> None:
    """Even if it says that it cannot do TLS: so would somebody on the way."""
    with clear_password_server(None) as server, pytest.raises(OperationalError, match="SSL is required"):
        function_engine(server, certificate).connect()
    assert server.in_clear == b""


def test_a_token_is_never_shown(
    server: ClearPasswordServer, certificate: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither in what MySQL's refusal raises, nor in a log at the functions' level, nor in a repr."""
    caplog.set_level("INFO")
    engine = function_engine(server, certificate)
    with pytest.raises(OperationalError) as refused:
        engine.connect()
    shown = "".join([*traceback.format_exception(refused.value), caplog.text, *capsys.readouterr(), repr(engine)])
    shown += repr(address_by_token(settings(), Session()))
    [signature] = parts(server.passwords[0])["X-Amz-Signature"]
    assert not any(secret in shown for secret in (signature, "X-Amz", "the role's secret"))
