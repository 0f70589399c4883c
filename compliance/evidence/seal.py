"""The organisation's seal: PAdES B-B with RSA-3072, invisible, so that the document stays PDF/A-3a (pyHanko).

The certificate is self-signed and made on first use: it shows that nothing changed since, and who says so only to those
who compare its fingerprint. A certificate of a trust service replaces the two files under the keys folder.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

KEY_FILE, CERTIFICATE_FILE = "seal-rsa.pem", "seal-certificate.pem"
YEARS = 5


@dataclass(frozen=True)
class SealCheck:
    """What a signature says: unchanged bytes, whole file covered, signed by the expected certificate."""

    intact: bool
    whole: bool
    trusted: bool
    fingerprint: str

    @property
    def holds(self) -> bool:
        """Whether all of it holds."""
        return self.intact and self.whole and self.trusted


def ensure(folder: Path, *, organisation: str) -> None:
    """Make key (mode 0600) and certificate when there are none; never replaces what is there."""
    if (folder / CERTIFICATE_FILE).exists():
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    pkcs8 = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate = _certificate(key, organisation).public_bytes(serialization.Encoding.PEM)
    _write(folder / KEY_FILE, pkcs8)
    _write(folder / CERTIFICATE_FILE, certificate)


def _certificate(key: rsa.RSAPrivateKey, organisation: str) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, "Oubli evidence seal"),
        ]
    )
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    usage = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"), False
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, content_commitment=True, encipher_only=False, decipher_only=False, **usage
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _write(path: Path, data: bytes) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def certificate_pem(folder: Path) -> bytes:
    """The certificate, for outsiders."""
    return (folder / CERTIFICATE_FILE).read_bytes()


def fingerprint(folder: Path) -> str:
    """SHA-256 of the certificate in hex, as printed in the report."""
    return x509.load_pem_x509_certificate(certificate_pem(folder)).fingerprint(hashes.SHA256()).hex()


def seal_pdf(pdf: bytes, *, folder: Path, reason: str) -> bytes:
    """The signed PDF: an incremental update that certifies that nothing may change any more."""
    load: Callable[[str, str], signers.SimpleSigner] = signers.SimpleSigner.load
    signer = load(str(folder / KEY_FILE), str(folder / CERTIFICATE_FILE))
    meta = signers.PdfSignatureMetadata(
        field_name="Seal",
        md_algorithm="sha256",
        subfilter=fields.SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        reason=reason,
    )
    # pyHanko runs a loop of its own: in a thread of its own it does not meet one that the caller may have running.
    with ThreadPoolExecutor(max_workers=1) as pool:
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        signed = pool.submit(signers.sign_pdf, writer, meta, signer=signer).result()
    return bytes(signed.getvalue())


def verify_pdf(pdf: bytes, *, certificate: bytes) -> SealCheck:
    """Check the first signature against the expected certificate (PEM); raises ValueError when there is none."""
    signatures = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    if not signatures:
        raise ValueError("checking the seal: the PDF is not signed; ask for the sealed report")
    roots = list(load_certs_from_pemder_data(certificate))
    with ThreadPoolExecutor(max_workers=1) as pool:
        context = ValidationContext(trust_roots=roots)
        status = pool.submit(validate_pdf_signature, signatures[0], context).result()
    shown = signatures[0].signer_cert.sha256.hex()
    whole = status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    return SealCheck(bool(status.intact and status.valid), whole, bool(status.trusted), shown)
