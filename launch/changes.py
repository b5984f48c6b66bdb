"""What `luthier deploy` did to a server: one entry a thing that it looks after."""

from typing import Literal, NamedTuple

Done = Literal["created", "changed", "removed", "unchanged", "left alone"]


class Change(NamedTuple):
    """`note` says what changed, or why a thing that differs was left as it is."""

    kind: str
    name: str
    done: Done
    note: str = ""
