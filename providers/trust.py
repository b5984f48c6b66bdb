"""Whether the other side's certificate is what a connection failed for: no waiting mends that."""

import ssl
from collections.abc import Iterator

HINT = (
    "If this network reads what is encrypted, name its certificate (a PEM file with all that are trusted) in "
    "SSL_CERT_FILE and REQUESTS_CA_BUNDLE; else look at the clock of this machine, and at the address."
)


def distrust(error: BaseException) -> str:
    """What is wrong with the certificate; empty if nothing is."""
    for one in _causes(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            return one.verify_message.rstrip(".") or "it can't be verified"
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    met: set[int] = set()
    while error is not None and id(error) not in met:
        met.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
