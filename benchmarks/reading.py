"""Reading files: speed as ratios of one run, and quality beside it.

    pip install --target /tmp/rivals 'markitdown[docx,pptx,xlsx,pdf]' readability-lxml \\
        beautifulsoup4 resiliparse
    python -m benchmarks.reading --rivals /tmp/rivals

The rivals serve this benchmark alone; those that are not there are left out. Precision is the share of the
words given out that are in the truth, recall the share of the truth that was given out.
"""

import argparse
import logging
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median

from benchmarks.pages import pages
from preparation import readers
from preparation.ingest import ingest
from preparation.readers.html import main_blocks
from preparation.readers.markup import parsed
from preparation.rowfile import read_rows
from records import Row, Source
from tests.preparation.samples import STORY, samples

Extract = Callable[[Path], str]
ROUNDS = 5
COPIES = 20
WORD = re.compile(r"\w+")
BOTH_READ = (".docx", ".pptx", ".xlsx", ".html", ".csv", ".epub", ".ipynb", ".txt", ".md", ".json")


def quality(out: str, truth: str) -> tuple[float, float]:
    """Precision and recall of words."""
    given, wanted = Counter(WORD.findall(out)), Counter(WORD.findall(truth))
    shared = sum((given & wanted).values())
    return shared / max(1, given.total()), shared / max(1, wanted.total())


def timed(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median seconds, after one round to warm up."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return median(times)


def compared(title: str, extractors: dict[str, Extract], files: list[tuple[Path, str]]) -> None:
    """Print each extractor's speed as a ratio to ours, and its quality over files of known words."""
    print(f"\n{title} ({len(files)} files)\n\n| reader | times our time | precision | recall | F1 |")
    print("| --- | --- | --- | --- | --- |")
    ours = 0.0
    for name, extract in extractors.items():
        seconds = timed(lambda extract=extract: [extract(path) for path, _ in files])  # type: ignore[misc]
        ours = ours or seconds
        scores = [quality(extract(path), truth) for path, truth in files]
        precision, recall = (fmean(column) for column in zip(*scores, strict=True))
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        print(f"| {name} | {seconds / ours:.2f} | {precision:.3f} | {recall:.3f} | {f1:.3f} |")


def read(path: Path) -> str:
    return words(item for item in readers.read(path, Source(uri=str(path))) if isinstance(item, Row))


def words(rows: Iterable[Row]) -> str:
    seen: dict[str, None] = {}
    texts = []
    for row in rows:
        seen.update(dict.fromkeys(row.heading))
        texts += [row.text, *row.fields, *row.fields.values(), *(message.content for message in row.messages)]
    return "\n".join([*seen, *texts])


def main_text(path: Path) -> str:
    root = parsed(path.read_text())
    return "" if root is None else "\n".join(block.text for block in main_blocks(root))


def html_rivals() -> dict[str, Extract]:
    import trafilatura
    from lxml import html

    rivals: dict[str, Extract] = {
        "trafilatura": lambda path: trafilatura.extract(path.read_text(), include_comments=False) or "",
        "trafilatura, recall": lambda path: trafilatura.extract(path.read_text(), favor_recall=True) or "",
    }
    if find_spec("resiliparse"):
        from resiliparse.extract.html2text import extract_plain_text

        rivals["resiliparse"] = lambda path: extract_plain_text(path.read_text(), main_content=True)
    if find_spec("readability"):
        from readability import Document

        rivals["readability-lxml"] = lambda path: html.fromstring(
            Document(path.read_text()).summary()
        ).text_content()
    if find_spec("bs4"):
        from bs4 import BeautifulSoup

        rivals["BeautifulSoup get_text"] = lambda path: BeautifulSoup(path.read_text(), "lxml").get_text(" ")
    return rivals


def markitdown() -> dict[str, Extract]:
    if not find_spec("markitdown"):
        return {}
    from markitdown import MarkItDown

    converter = MarkItDown(enable_plugins=False)
    return {"markitdown": lambda path: converter.convert_local(str(path)).text_content}


def pdf_rivals() -> dict[str, Extract]:
    import pypdf

    return {
        "pypdf": lambda path: "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages),
        **markitdown(),
    }


def written_pdf(path: Path, pages: int) -> str:
    """A PDF of so many pages of prose in two fonts; gives its words back."""
    lines = [f"{number} {line}" for number, line in enumerate(re.findall(r".{1,70}(?:\s|$)", STORY * 10))]
    objects = {1: "<</Type/Catalog/Pages 2 0 R>>", 3: "<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>"}
    drawn = " T* ".join(f"({line.strip()}) Tj" for line in lines)
    stream = f"BT /F 11 Tf 13 TL 60 760 Td {drawn} ET"
    for at in range(pages):
        objects[10 + 2 * at] = (
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents {11 + 2 * at} 0 R"
            "/Resources<</Font<</F 3 0 R>>>>>>"
        )
        objects[11 + 2 * at] = f"<</Length {len(stream)}>>stream\n{stream}\nendstream"
    kids = " ".join(f"{10 + 2 * at} 0 R" for at in range(pages))
    objects[2] = f"<</Type/Pages/Count {pages}/Kids[{kids}]>>"
    document, places = b"%PDF-1.4\n", {}
    for number, content in objects.items():
        places[number] = len(document)
        document += f"{number} 0 obj\n{content}\nendobj\n".encode()
    size = max(places) + 1
    table = "".join(
        f"{places[at]:010} 00000 n \n" if at in places else "0000000000 65535 f \n" for at in range(size)
    )
    end = f"xref\n0 {size}\n{table}trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{len(document)}\n%%EOF\n"
    path.write_bytes(document + end.encode())
    return " ".join(lines * pages)


def mixed(folder: Path) -> None:
    """A folder of mixed files, whole: ours in one process and in all, against markitdown file by file."""
    for number in range(COPIES):
        for name, content in samples().items():
            if name.endswith(BOTH_READ):
                (folder / f"{number}-{name}").write_bytes(content)
    paths = sorted(folder.iterdir())
    print(
        f"\nA folder of mixed files ({len(paths)} files)\n\n| reader | times our time | recall of the story |"
    )
    print("| --- | --- | --- |")
    out = folder.parent / "rows"
    ways: dict[str, Callable[[], str]] = {
        "ours, one process": lambda: words(read_rows(ingest([str(folder)], out, workers=1).uri)),
        "ours, all cores": lambda: words(read_rows(ingest([str(folder)], out).uri)),
        "ours, cached": lambda: words(read_rows(ingest([str(folder)], out, folder.parent / "cache").uri)),
    }
    for name, extract in markitdown().items():
        ways[name] = lambda extract=extract: "\n".join(map(extract, paths))  # type: ignore[misc]
    stories = sum(name.endswith((".docx", ".html", ".txt", ".md", ".ipynb")) for name in map(str, paths))
    stories += 2 * sum(path.suffix == ".epub" for path in paths)
    ours = 0.0
    for name, way in ways.items():
        seconds = timed(way, 3)
        ours = ours or seconds
        print(f"| {name} | {seconds / ours:.2f} | {way().count(STORY) / stories:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rivals", help="folder that the rivals were installed into")
    arguments = parser.parse_args()
    if arguments.rivals:
        # behind everything else, so that all that is shared is the same for everyone
        sys.path.append(arguments.rivals)
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = []
        for number, page in enumerate(pages()):
            (folder / f"{number}.html").write_text(page.html)
            written.append((folder / f"{number}.html", page.truth))
        compared("Main text of web pages", {"ours": main_text, **html_rivals()}, written)
        truth = written_pdf(folder / "pages.pdf", 60)
        compared("Text of a PDF of 60 pages", {"ours": read, **pdf_rivals()}, [(folder / "pages.pdf", truth)])
        (folder / "mixed").mkdir()
        mixed(folder / "mixed")


if __name__ == "__main__":
    main()
