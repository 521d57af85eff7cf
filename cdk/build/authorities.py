"""Splits a bundle of certificate authorities into the directory in which OpenSSL looks them up by name.

A function that loads a bundle parses all of its authorities at each cold start. From such a directory OpenSSL reads
the one that a server's certificate leads to, during the handshake.
"""

import re
from collections import Counter
from pathlib import Path

from OpenSSL.crypto import FILETYPE_PEM, load_certificate

#: Increase this when `split` changes, so that layers are built again.
LAYOUT = "authorities 1"
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def split(bundle: Path) -> None:
    """Fills the directory `<bundle>.d`, which `delivery.sockets.authorities_of` looks for beside the bundle.

    The files have the names that `openssl rehash` gives them: the hash of the subject, and a number that tells
    authorities with the same hash apart.
    """
    directory = bundle.with_name(f"{bundle.name}.d")
    directory.mkdir()
    with_hash = Counter[str]()
    for pem in _CERTIFICATE.findall(bundle.read_bytes()):
        hashed = f"{load_certificate(FILETYPE_PEM, pem).subject_name_hash():08x}"
        (directory / f"{hashed}.{with_hash[hashed]}").write_bytes(pem + b"\n")
        with_hash[hashed] += 1
