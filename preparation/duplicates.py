"""Duplicates in linear time and bounded memory: MinHash signatures find candidates, the true Jaccard
similarity of the shingles decides. Shingles lie in a temporary file, a few hundred bytes a row in memory."""

import re
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, Self
from zlib import crc32

import numpy as np
import numpy.typing as npt

Uint32 = npt.NDArray[np.uint32]
Uint64 = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.int64]

PERMUTATIONS = 128
# 32 bands of 4: a pair of similarity s becomes a candidate with 1-(1-s^4)^32, 0.9998 at 0.7 and 0.87 at 0.5
BANDS = 32
SEED = 17
# numbers and negations count this much more: they change what a short text says, and little in a long one
WEIGHT = 5
PARTS = 16
MARGIN = 0.13  # three standard deviations of the estimate

UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
TOKEN = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+(?:['’][^\W{UNSPACED}]+)*")
ASCII_TOKEN = re.compile(r"\w+(?:'\w+)*", re.ASCII)  # the same words in half the time
# fmt: off
NEGATIONS = frozenset([
    "no", "not", "never", "none", "nothing", "without", "cannot", "cant", "dont", "wont", "isnt", "doesnt",
    "didnt", "nicht", "kein", "keine", "keinen", "nie", "ohne", "ne", "pas", "jamais", "aucun", "sans",
    "nunca", "sin", "non", "mai", "senza", "não", "sem", "niet", "geen", "nooit", "не", "нет", "без",
])
# fmt: on

K1, K2, K3 = (np.uint64(k) for k in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xFF51AFD7ED558CCD))
SHIFT = np.uint64(32)
CODE = np.uint64((1 << 32) - 1)


def tokens(text: str) -> list[str]:
    """Words without case and punctuation; in scripts without blanks, characters."""
    return (ASCII_TOKEN if text.isascii() else TOKEN).findall(text.casefold())


def shingles(parts: Sequence[str]) -> Uint32:
    """Hashes of each part's words and pairs of neighbouring words, sorted; the part's number is in the
    upper four bits. The same on every machine."""
    hashed = [_part_shingles(text) for text in parts[:PARTS]]
    # sorted within the part, and parts in order: sorted as a whole
    return np.concatenate(
        [(found >> np.uint32(4)) | np.uint32(part << 28) for part, found in enumerate(hashed)]
    )


def _part_shingles(text: str) -> Uint32:
    words = tokens(text)
    marked = np.fromiter(map(_code, words), dtype=np.uint64, count=len(words))
    codes = marked & CODE
    weighty = codes[marked > CODE] * K2
    weights = [weighty + np.uint64(copy) for copy in range(1, WEIGHT)]
    keys = np.concatenate([codes, codes[:-1] * K1 + codes[1:] + np.uint64(1 << 33), *weights])
    return _unique(_mixed(keys))


def _counts_more(word: str) -> bool:
    return not word.isalpha() and (any(map(str.isdigit, word)) or word[-3:] in ("n't", "n’t"))


@lru_cache(1 << 17)
def _code(word: str) -> int:
    """32 bits, and one above them if the word counts more."""
    return crc32(word.encode()) | (word in NEGATIONS or _counts_more(word)) << 32


def _unique(hashes: Uint32) -> Uint32:
    """np.unique, eight times faster on short arrays."""
    hashes = np.sort(hashes)
    return hashes[np.concatenate(([True], hashes[1:] != hashes[:-1]))] if len(hashes) else hashes


def _mixed(keys: Uint64) -> Uint32:
    keys = (keys ^ (keys >> SHIFT)) * K3
    return ((keys ^ (keys >> SHIFT)) * K1 >> SHIFT).astype(np.uint32)


def jaccard(one: Uint32, other: Uint32) -> float:
    """Of two arrays of `shingles`: the least similarity among their parts."""
    both = np.sort(np.concatenate([one, other]))
    common = both[:-1][both[1:] == both[:-1]]
    in_one, in_other, in_both = (
        np.bincount(found >> np.uint32(28), minlength=PARTS) for found in (one, other, common)
    )
    either = in_one + in_other - in_both
    return float(np.min(in_both[either > 0] / either[either > 0], initial=1.0))


class Signer(Protocol):
    """MinHash of sets of hashes that lie one after the other: n x PERMUTATIONS uint32."""

    def __call__(self, flat: Uint64, offsets: list[int]) -> Uint32: ...


def rensa_signatures(flat: Uint64, offsets: list[int]) -> Uint32:
    from rensa import RMinHash

    matrix: Any = RMinHash.digest_matrix_from_flat_token_hashes(flat, offsets, PERMUTATIONS, SEED)
    return np.array(matrix.to_rows(), dtype=np.uint32).reshape(len(offsets) - 1, PERMUTATIONS)


class Signed(NamedTuple):
    """Shingles of some rows, one after the other, how many of them each has, and by what candidates are
    found: a key for each band, and the lowest byte of each minimum."""

    flat: Uint32
    lengths: npt.NDArray[np.int64]
    keys: Uint32
    small: npt.NDArray[np.uint8]

    def part(self, start: int, end: int) -> "Signed":
        if start == 0 and end == len(self.lengths):
            return self
        first, last = int(self.lengths[:start].sum()), int(self.lengths[:end].sum())
        within = slice(start, end)
        return Signed(self.flat[first:last], self.lengths[within], self.keys[within], self.small[within])


def signed(rows: Sequence[Sequence[str]], sign: Signer = rensa_signatures) -> Signed:
    """Of the parts of each row. Rows are alike if each of their parts is."""
    found = [shingles(parts) for parts in rows]
    flat = np.concatenate([np.zeros(0, np.uint32), *found])
    lengths = np.array([len(one) for one in found], dtype=np.int64)
    if not rows:
        return Signed(flat, lengths, np.zeros((0, BANDS), np.uint32), np.zeros((0, PERMUTATIONS), np.uint8))
    signatures = sign(flat.astype(np.uint64), [0, *np.cumsum(lengths).tolist()])
    slots = signatures.reshape(len(rows), BANDS, -1).astype(np.uint64)
    keys = np.zeros(slots.shape[:2], dtype=np.uint64)
    for slot in range(slots.shape[2]):
        keys = (keys ^ slots[:, :, slot]) * K1
        keys ^= keys >> SHIFT
    return Signed(flat, lengths, (keys >> SHIFT).astype(np.uint32), (signatures & 0xFF).astype(np.uint8))


class Shingles:
    """The shingles of many rows, by number of the row; add all rows, then ask."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the object
        self._ends = array("Q", [0])
        self._keys: list[Uint32] = []
        self._bytes: list[npt.NDArray[np.uint8]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, rows: Signed, chosen: Sequence[bool] | None = None) -> None:
        """Some rows, or those `chosen` of them."""
        if chosen is not None and not all(chosen):
            mask = np.array(chosen)
            flat = rows.flat[np.repeat(mask, rows.lengths)]
            rows = Signed(flat, rows.lengths[mask], rows.keys[mask], rows.small[mask])
        self._file.write(rows.flat.tobytes())
        ends = self._ends[-1] + np.cumsum(rows.lengths, dtype=np.uint64)
        self._ends.frombytes(ends.astype(np.uint64).tobytes())
        self._keys.append(rows.keys)
        self._bytes.append(rows.small)

    def _matrices(self) -> tuple[Uint32, npt.NDArray[np.uint8]]:
        if len(self._keys) != 1:
            empty = [np.zeros((0, BANDS), np.uint32)], [np.zeros((0, PERMUTATIONS), np.uint8)]
            self._keys = [np.concatenate(self._keys or empty[0])]
            self._bytes = [np.concatenate(self._bytes or empty[1])]
        return self._keys[0], self._bytes[0]

    def of(self, row: int) -> Uint32:
        start, end = self._ends[row], self._ends[row + 1]
        self._file.seek(start * 4)
        return np.frombuffer(self._file.read((end - start) * 4), dtype=np.uint32)

    def similarity(self, one: int, other: int) -> float:
        return jaccard(self.of(one), self.of(other))

    def is_empty(self, row: int) -> bool:
        return self._ends[row] == self._ends[row + 1]

    def pairs(self, threshold: float) -> Pairs:
        """Candidates (earlier, later), sorted by the later one: pairs that share a band and whose estimated
        similarity is not far below the threshold. A run of n rows with one key gives 2n pairs, not n²."""
        keys, small = self._matrices()
        found = [np.zeros((0, 2), dtype=np.int64)]
        for band in range(BANDS):
            pairs = _neighbours(keys[:, band])
            found.append(pairs[_estimates(small, pairs) >= threshold - MARGIN])
            if band % 8 == 7:
                found = [np.unique(np.concatenate(found), axis=0)]
        pairs = np.unique(np.concatenate(found), axis=0)
        filled = np.diff(np.array(self._ends, dtype=np.int64)) > 0
        pairs = pairs[filled[pairs[:, 0]] & filled[pairs[:, 1]]] if len(pairs) else pairs
        return pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]

    def overlap(self, rows: Sequence[int], among: Sequence[int], threshold: float) -> float:
        """The share of `rows` that a row of `among` resembles at the threshold."""
        return float(np.mean(self.resembling(rows, among, threshold))) if rows else 0.0

    def resembling(
        self, rows: Sequence[int], among: Sequence[int], threshold: float
    ) -> npt.NDArray[np.bool_]:
        """For each of `rows` whether a row of `among` resembles it at the threshold."""
        if not rows or not among:
            return np.zeros(len(rows), dtype=np.bool_)
        keys, small = self._matrices()
        ours, others = np.array(rows), np.array(among)
        alike = np.zeros(len(rows), dtype=np.bool_)
        for band in range(BANDS):
            for at, place in _crossing(keys[ours, band], keys[others, band]):
                one, two = int(ours[at]), int(others[place])
                if alike[at] or self.is_empty(one):
                    continue
                near = np.mean(small[one] == small[two]) >= threshold - MARGIN
                alike[at] = near and self.similarity(one, two) >= threshold
        return alike


def _neighbours(keys: Uint32) -> Pairs:
    """Of rows with the same key: each with the first, and each with the one before it."""
    order = np.argsort(keys, kind="stable")
    same = keys[order[1:]] == keys[order[:-1]]
    starts = np.concatenate([[True], ~same]) if len(keys) else np.zeros(0, dtype=np.bool_)
    first = order[np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))] if len(keys) else order
    later = order[1:][same]
    with_first = np.stack([first[1:][same], later], axis=1)
    with_previous = np.stack([order[:-1][same], later], axis=1)
    return np.concatenate([with_first, with_previous])


def _estimates(small: npt.NDArray[np.uint8], pairs: Pairs) -> npt.NDArray[np.float64]:
    """Similarity by the lowest byte of each minimum (b-bit MinHash), in slices to bound memory."""
    slices = range(0, len(pairs), 1 << 16)
    shares = [
        np.mean(small[pairs[at : at + (1 << 16), 0]] == small[pairs[at : at + (1 << 16), 1]], axis=1)
        for at in slices
    ]
    return np.concatenate(shares) if shares else np.zeros(0)


def _crossing(keys: Uint32, among: Uint32, most: int = 8) -> Iterator[tuple[int, int]]:
    """Places (in keys, in among) of equal keys, at most eight for each."""
    order = np.argsort(among, kind="stable")
    start = np.searchsorted(among[order], keys, side="left")
    end = np.searchsorted(among[order], keys, side="right")
    for at in np.flatnonzero(end > start):
        for place in range(start[at], min(end[at], start[at] + most)):
            yield int(at), int(order[place])


def near_duplicates(store: Shingles, threshold: float) -> dict[int, int]:
    """Rows to drop, each with the earlier row that stays and that it truly resembles."""
    kept_for: dict[int, int] = {}
    for earlier, later in store.pairs(threshold).tolist():
        keeper = kept_for.get(earlier, earlier)
        if later not in kept_for and store.similarity(keeper, later) >= threshold:
            kept_for[later] = keeper
    return kept_for


def clusters(store: Shingles, pairs: Pairs, threshold: float) -> list[int]:
    """For each row the first row of its cluster: chains of those `pairs` that reach the threshold."""
    roots = Roots(len(store))
    for earlier, later in pairs.tolist():
        if roots.of(earlier) != roots.of(later) and store.similarity(earlier, later) >= threshold:
            roots.join(earlier, later)
    return [roots.of(row) for row in range(len(store))]


class Roots:
    """Disjoint sets; a set is called by its lowest member."""

    def __init__(self, count: int):
        self._parent = array("L", range(count))

    def of(self, member: int) -> int:
        while self._parent[member] != member:
            self._parent[member] = self._parent[self._parent[member]]
            member = self._parent[member]
        return member

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.of(one), self.of(other)))
        self._parent[high] = low
