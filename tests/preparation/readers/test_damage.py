"""Cut off and changed copies of every sample: read, or told why not, and nothing else."""

import random

import pytest

from preparation.readers import Unreadable
from tests.preparation.samples import samples

COPIES = 8


def damaged(content: bytes, number: int) -> bytes:
    """The same damage for the same number: an end that is missing, bits that are turned, a hole."""
    chance = random.Random(number)
    if number % 3 == 0:
        return content[: chance.randrange(len(content))]
    changed = bytearray(content)
    if number % 3 == 1:
        for _ in range(chance.choice((1, 5, 50))):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    else:
        start = chance.randrange(len(changed))
        del changed[start : start + chance.randrange(1, 300)]
    return bytes(changed)


@pytest.mark.parametrize("name", sorted(samples()))
def test_damage_is_told_or_harmless(read, name: str) -> None:
    whole = read(name, samples()[name])
    assert whole
    for number in range(COPIES):
        try:
            read(name, damaged(samples()[name], number))
        except Unreadable as error:
            assert error.reason
            assert str(error).endswith(".")
