"""Who holds a claim: a process, which others on its machine can see alive or dead.

A claim of a process that was killed need not be waited out then.
"""

import os
from uuid import uuid4

import processes


def new_token() -> str:
    """This process as a holder: its birth, its id, and chance."""
    return f"{processes.birth(os.getpid())}.{os.getpid()}.{uuid4().hex[:12]}"


def has_died(token: str) -> bool:
    """Whether the holder is gone for certain; False for one that can't be seen from here."""
    born, pid, _ = token.rsplit(".", 2)
    return processes.lives(int(pid), born) is False
