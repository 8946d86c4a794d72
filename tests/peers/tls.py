"""Make a small certificate authority and the server certificates, right and wrong, that tests need."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """One file with a private key and its certificate, as Postfix, aiosmtpd and `ssl` read it."""

    chain_file: Path

    def context(self) -> ssl.SSLContext:
        """Return a server-side TLS context that shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.chain_file)
        return context


@dataclass(frozen=True, slots=True)
class Certificates:
    """The set that a test picks from; only `good` is valid on loopback for who trusts `ca_file`."""

    ca_file: Path
    good: ServerCertificate
    expired: ServerCertificate
    wrong_name: ServerCertificate
    self_signed: ServerCertificate


class Authority:
    """A certificate authority that nobody trusts but who reads its `ca_file`."""

    def __init__(self, folder: Path) -> None:
        """Make the key and the root certificate, and write the latter into the folder."""
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = _build(
            common_name="Test authority", key=self._key, issuer=None, names=(), days=(-30, 30)
        )
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self, file_name: str, names: tuple[str, ...] = LOOPBACK_NAMES, *, days: tuple[int, int] = (-2, 30)
    ) -> ServerCertificate:
        """Sign a server certificate for host names and addresses, valid between two days counted from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = (self._certificate, self._key)
        certificate = _build(common_name=names[0], key=key, issuer=issuer, names=names, days=days)
        return _write(self._folder / file_name, key, certificate)


def make_certificates(folder: Path) -> Certificates:
    """Write an authority and one server certificate of each kind into the folder."""
    authority = Authority(folder)
    lone_key = ec.generate_private_key(ec.SECP256R1())
    lone = _build(common_name="localhost", key=lone_key, issuer=None, names=LOOPBACK_NAMES, days=(-2, 30))
    return Certificates(
        ca_file=authority.ca_file,
        good=authority.issue("good.pem"),
        expired=authority.issue("expired.pem", days=(-20, -1)),
        wrong_name=authority.issue("wrong_name.pem", ("mail.example.net",)),
        self_signed=_write(folder / "self_signed.pem", lone_key, lone),
    )


def _build(
    *,
    common_name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
    names: tuple[str, ...],
    days: tuple[int, int],
) -> x509.Certificate:
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    signer_name, signer_key = (subject, key) if issuer is None else (issuer[0].subject, issuer[1])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )
    for extension, critical in _extensions(key, signer_key, names):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(signer_key, hashes.SHA256())


def _extensions(
    key: ec.EllipticCurvePrivateKey, signer_key: ec.EllipticCurvePrivateKey, names: tuple[str, ...]
) -> list[tuple[x509.ExtensionType, bool]]:
    # Python 3.13 checks certificates strictly: key identifiers and a CA's key usage must be there.
    authority = not names
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=authority, path_length=None), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer_key.public_key()), False),
        (_key_usage(signs_certificates=authority), True),
    ]
    if names:
        extensions.append((x509.SubjectAlternativeName([_general_name(name) for name in names]), False))
        extensions.append((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False))
    return extensions


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> ServerCertificate:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return ServerCertificate(path)
