"""Which examples are held out: near-duplicates and passages of one document stay on one side, labels keep
their shares, and the same examples with the same seed give the same split on every machine."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from preparation.duplicates import Roots

MOST = 2000  # examples held out at most: more cost time and hardly change the figure
LEAST_TRAIN = 10
DOCUMENTS = 5  # groups, from which on whole ones are held out


@dataclass
class Figures:
    """What the split needs to know of each example, in one order: seeded hashes of the content (`keys`), and
    hashes of what it asks, of its document and section, below 2^63, -1 for none."""

    keys: "array[int]" = field(default_factory=lambda: array("Q"))
    labels: list[str] = field(default_factory=list)
    prompts: "array[int]" = field(default_factory=lambda: array("q"))
    documents: "array[int]" = field(default_factory=lambda: array("q"))
    sections: "array[int]" = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return len(self.keys)


def holdout_of(figures: Figures, clusters: Sequence[int], share: float) -> list[bool]:
    """True for the examples held out: about `share` (0 to 0.5) of them, at most MOST, and never so many that
    fewer than LEAST_TRAIN are left. `clusters` holds the cluster of near-duplicates of each example."""
    wanted = _wanted(len(figures), share)
    if not wanted:
        return [False] * len(figures)
    prompts = rare(figures.prompts)
    if any(figures.labels):
        return _stratified(figures, _groups(figures.keys, clusters, prompts), wanted)
    best: list[bool] = [False] * len(figures)
    for level in (figures.documents, figures.sections, ()):
        groups = _groups(figures.keys, clusters, prompts, level)
        held = _filled(groups, len(figures), wanted)
        if len(groups) >= DOCUMENTS and 0.5 * wanted <= sum(held) <= 1.5 * wanted:
            return held
        if abs(sum(held) - wanted) < abs(sum(best) - wanted):
            best = held
    return best


def _wanted(count: int, share: float) -> int:
    spare = max(count - LEAST_TRAIN, 0)
    return min(max(round(count * share), 1), MOST, spare) if share > 0 else 0


def rare(prompts: Sequence[int]) -> list[int]:
    """Prompts as a grouping, but for those that so many examples share that they tell nothing apart."""
    counts = Counter(prompts)
    most = max(5, len(prompts) // 20)
    return [prompt if counts[prompt] <= most else -1 for prompt in prompts]


def _groups(keys: Sequence[int], *groupings: Sequence[int]) -> list[list[int]]:
    """Examples that share a value of any grouping (-1 is none), in the order of their lowest key."""
    roots = Roots(len(keys))
    for grouping in groupings:
        first: dict[int, int] = {}
        for at, value in enumerate(grouping):
            if value >= 0 and first.setdefault(value, at) != at:
                roots.join(first[value], at)
    groups: dict[int, list[int]] = defaultdict(list)
    for at in sorted(range(len(keys)), key=keys.__getitem__):
        groups[roots.of(at)].append(at)
    return list(groups.values())


def _filled(groups: Sequence[Sequence[int]], count: int, wanted: int) -> list[bool]:
    """Groups in their order as long as they fit; if none fits, the smallest one that leaves enough."""
    held = [False] * count
    total = 0
    for group in groups:
        if total + len(group) <= wanted:
            total += len(group)
            for at in group:
                held[at] = True
    if not total and groups:
        smallest = min(groups, key=len)
        if len(smallest) <= count // 2 and count - len(smallest) >= LEAST_TRAIN:
            for at in smallest:
                held[at] = True
    return held


def _stratified(figures: Figures, groups: Sequence[Sequence[int]], wanted: int) -> list[bool]:
    """A group is held out if no label of it gets more than its share; then each label that has three
    examples and none held out gets its smallest group."""
    counts = Counter(figures.labels)
    quotas = _quotas(counts, wanted)
    taken: Counter[str] = Counter()
    held = [False] * len(figures)

    def take(group: Sequence[int], labels: Counter[str]) -> None:
        taken.update(labels)
        for at in group:
            held[at] = True

    for group in groups:
        labels = Counter(figures.labels[at] for at in group)
        if all(taken[label] + count <= quotas[label] for label, count in labels.items()):
            take(group, labels)
    missing = {label for label in counts if quotas[label] and not taken[label]}
    for label, candidates in sorted(_groups_with(missing, figures.labels, groups).items()):
        for group, labels in sorted(candidates, key=lambda pair: len(pair[0])):
            fits = all(taken[name] + count <= counts[name] // 2 for name, count in labels.items())
            if fits and not taken[label] and sum(taken.values()) + len(group) <= len(figures) - LEAST_TRAIN:
                take(group, labels)
    return held


def _groups_with(
    wanted: set[str], labels: Sequence[str], groups: Sequence[Sequence[int]]
) -> dict[str, list[tuple[Sequence[int], Counter[str]]]]:
    found: dict[str, list[tuple[Sequence[int], Counter[str]]]] = defaultdict(list)
    for group in groups if wanted else ():
        inside = Counter(labels[at] for at in group)
        for label in wanted & inside.keys():
            found[label].append((group, inside))
    return found


def _quotas(counts: Counter[str], wanted: int) -> Counter[str]:
    """Shares by largest remainder; at least one for a label with three examples, if train keeps enough. Two
    examples of a label stay in train, or one where no label has more than two."""
    total = sum(counts.values())
    kept = 2 if max(counts.values()) > 2 else 1
    shares = {label: count * wanted / total for label, count in counts.items()}
    quotas = Counter({label: int(share) for label, share in shares.items()})
    order = sorted(counts, key=lambda label: (int(shares[label]) - shares[label], -counts[label], label))
    for label in order[: max(wanted - sum(quotas.values()), 0)]:
        quotas[label] += 1
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        if counts[label] >= 3 and not quotas[label] and sum(quotas.values()) < total - LEAST_TRAIN:
            quotas[label] = 1
        quotas[label] = min(quotas[label], max(counts[label] - kept, 0))
    return quotas
