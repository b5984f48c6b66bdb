"""Which files gave examples, and why the others gave none."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from preparation import rowfile
from records import FileReport, Rows

UNUSABLE = "No example could be made of it"
HOLDER = "Nothing of what lies in it could be used."
CLEANED = "all of it was left out while cleaning"
COPY = "It says the same as {}."
WITHIN = "!/"  # between an archive or mail and what lies in it


def told(
    rows: Rows, examples: Mapping[str, int], refused: Mapping[str, Counter[str]]
) -> tuple[FileReport, ...]:
    """The files, each with whether it was used. An archive is as good as what lies in it. `examples` and
    `refused` are by file: how many it gave, and why something of it gave none."""
    useful = {uri for uri, count in examples.items() if count > 0}
    useful |= {holder for uri in useful for holder in _holders(uri)}
    originals = {
        file.sha256: file.name for file in reversed(rows.files) if file.uri in useful and file.sha256
    }
    holders = {holder for file in rows.files for holder in _holders(file.uri)}
    useless = [file for file in rows.files if file.used and file.uri not in useful]
    cleaned = _left_out(rows, {file.uri for file in useless if not refused.get(file.uri)})
    why = {
        file.uri: COPY.format(originals[file.sha256])
        if file.sha256 in originals
        else HOLDER
        if file.uri in holders and not refused.get(file.uri) and cleaned[file.uri] == CLEANED
        else f"{UNUSABLE}: {_most(refused.get(file.uri)) or cleaned[file.uri]}."
        for file in useless
    }
    return tuple(
        file.but(used=False, reason=why[file.uri]) if file.uri in why else file for file in rows.files
    )


def _holders(uri: str) -> list[str]:
    parts = uri.split(WITHIN)
    return [WITHIN.join(parts[:end]) for end in range(1, len(parts))]


def _left_out(rows: Rows, uris: set[str]) -> dict[str, str]:
    """What most of these files' rows, or of those of the files in them, were left out for before."""
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for drop in rowfile.read_drops(rows.drops_uri) if uris else ():
        for uri in (drop.source.uri, *_holders(drop.source.uri)):
            reasons[uri][drop.reason] += uri in uris
    return {uri: f"{CLEANED} ({reason})" if (reason := _most(reasons[uri])) else CLEANED for uri in uris}


def _most(reasons: Counter[str] | None) -> str:
    return next((reason for reason, _ in (reasons or Counter()).most_common(1)), "")
