"""A throw-away certificate authority for the services that the local cloud plays on loopback.

Everything on loopback speaks TLS, because the stacks' own policies deny plain HTTP. The emulator and the vendors'
stand-ins take their certificates from one authority, so one CA bundle makes every child process trust them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerCertificate:
    """The PEM files a TLS server on loopback needs, and the one its clients need."""

    ca_bundle: Path
    """Certificate of the authority; clients trust it, and nothing else."""
    certificate: Path
    """Certificate of the server, for ``localhost``, ``127.0.0.1`` and ``::1``."""
    key: Path
    """Private key of the server, readable by its owner only."""


def create_server_certificate(directory: Path) -> ServerCertificate:
    """Write a new authority and one server certificate into a directory.

    The authority's private key is never written: after this call no one can issue another certificate that the bundle
    would vouch for.

    Parameters
    ----------
    directory
        Existing directory for the files ``ca.pem``, ``server.pem`` and ``server.key``.
    """
    authority = trustme.CA(organization_name="local cloud", organization_unit_name="throw-away authority")
    server = authority.issue_cert("localhost", "127.0.0.1", "::1")
    files = ServerCertificate(
        ca_bundle=directory / "ca.pem", certificate=directory / "server.pem", key=directory / "server.key"
    )
    authority.cert_pem.write_to_path(files.ca_bundle)
    for part in server.cert_chain_pems:
        part.write_to_path(files.certificate, append=True)
    files.key.touch(mode=0o600)
    files.key.write_bytes(server.private_key_pem.bytes())
    return files
