"""A throw-away certificate authority for the services that the local cloud plays on loopback.

Everything on loopback speaks TLS, because the stacks' own policies deny plain HTTP. The emulator and the vendors'
stand-ins take their certificates from one authority, so one CA bundle makes every child process trust them all.
"""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from pathlib import Path

_VALID_FOR = datetime.timedelta(days=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerCertificate:
    """The PEM files a TLS server on loopback needs, and the one its clients need.

    Attributes
    ----------
    ca_bundle
        Certificate of the authority; clients trust it, and nothing else.
    certificate
        Certificate of the server, for ``localhost``, ``127.0.0.1`` and ``::1``.
    key
        Private key of the server, readable by its owner only.
    """

    ca_bundle: Path
    certificate: Path
    key: Path


def create_server_certificate(directory: Path) -> ServerCertificate:
    """Write a new authority and one server certificate into a directory.

    The authority's private key is never written: after this call no one can issue another certificate that the bundle
    would vouch for.

    Parameters
    ----------
    directory
        Existing directory for the files ``ca.pem``, ``server.pem`` and ``server.key``.

    Returns
    -------
    ServerCertificate
        Where the files are.
    """
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "local cloud throw-away authority")])
    authority = (
        _builder(subject=authority_name, issuer=authority_name, public_key=authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )

    server_key = ec.generate_private_key(ec.SECP256R1())
    server = (
        _builder(
            subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
            issuer=authority_name,
            public_key=server_key.public_key(),
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        # Python 3.13 verifies strictly and refuses a chain without key identifiers.
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .add_extension(
            x509.SubjectAlternativeName(
                [
                    x509.DNSName("localhost"),
                    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                    x509.IPAddress(ipaddress.ip_address("::1")),
                ]
            ),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )

    files = ServerCertificate(
        ca_bundle=directory / "ca.pem",
        certificate=directory / "server.pem",
        key=directory / "server.key",
    )
    files.ca_bundle.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    files.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    files.key.touch(mode=0o600)
    files.key.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def _builder(
    *, subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        # An hour back, so that a guest clock that lags behind still accepts it.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _VALID_FOR)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
