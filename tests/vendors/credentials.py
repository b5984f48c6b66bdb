"""A service account of this machine: its key is real, its project is not."""

import json
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def service_account(folder: Path, sign_in: str) -> Path:
    """A key file that signs in at `sign_in` + /token."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": "loopback",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": "luthier@loopback.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{sign_in}/token",
    }
    path = folder / "service-account.json"
    path.write_text(json.dumps(account), "utf-8")
    return path
