"""Whether the other side's certificate is what a connection failed for: no waiting mends that."""

import ssl

from errors import causes

HINT = (
    "If this network reads what is encrypted, name its certificate (a PEM file with all that are trusted) in "
    "SSL_CERT_FILE and REQUESTS_CA_BUNDLE; else look at the clock of this machine, and at the address."
)


def distrust(error: BaseException) -> str:
    """What is wrong with the certificate; empty if nothing is."""
    for one in causes(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            return one.verify_message.rstrip(".") or "it can't be verified"
    return ""
