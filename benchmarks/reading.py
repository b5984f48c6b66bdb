"""Reading files: speed as ratios of one run, and quality beside it.

    pip install --target /tmp/rivals '.[bench]'        # or into an environment of its own, with Luthier
    python -m benchmarks.reading --rivals /tmp/rivals

The rivals serve this benchmark alone; those that are not there are left out. Times are of computing, all
processes together, since other work would spoil those by the clock; a folder is measured by the clock, too.
Precision is the share of the words given out that are in the truth, recall the share of the truth that was
given out; of PDFs pairs of neighbouring words are counted, so that order matters.
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
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

from benchmarks.pages import pages
from benchmarks.pdfs import one_column, two_columns
from benchmarks.scale import computing
from preparation import readers
from preparation.ingest import ingest
from preparation.readers.html import main_blocks
from preparation.readers.markup import parsed
from preparation.rowfile import read_rows
from records import Row, Source
from tests.preparation.samples import STORY, samples

Extract = Callable[[Path], str]
ROUNDS = 3
COPIES = 10
PAGES = 10
WORD = re.compile(r"\w+")
BOTH_READ = (".docx", ".pptx", ".xlsx", ".html", ".csv", ".epub", ".ipynb", ".txt", ".md", ".json")


def quality(out: str, truth: str, ordered: bool) -> tuple[float, float]:
    """Precision and recall of words, or of pairs of words."""
    given, wanted = (
        Counter(pairwise(words) if ordered else words) for words in map(WORD.findall, (out, truth))
    )
    shared = sum((given & wanted).values())
    return shared / max(1, given.total()), shared / max(1, wanted.total())


def timed(work: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """Median seconds of computing and by the clock, after one round to warm up."""
    work()
    times = []
    for _ in range(rounds):
        start, computed = time.perf_counter(), computing()
        work()
        times.append((computing() - computed, time.perf_counter() - start))
    computed, clock = map(median, zip(*times, strict=True))
    return computed, clock


def compared(
    title: str, extractors: dict[str, Extract], files: list[tuple[Path, str]], ordered: bool = False
) -> None:
    """Print each extractor's speed as a ratio to ours, and its quality over files of known words."""
    print(f"\n{title} ({len(files)} files)\n\n| reader | times our time | precision | recall | F1 |")
    print("| --- | --- | --- | --- | --- |")
    ours = 0.0
    for name, extract in extractors.items():
        seconds, _ = timed(lambda extract=extract: [extract(path) for path, _ in files])  # type: ignore[misc]
        ours = ours or seconds
        scores = [quality(extract(path), truth, ordered) for path, truth in files]
        precision, recall = (fmean(column) for column in zip(*scores, strict=True))
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        print(f"| {name} | {seconds / ours:.2f} | {precision:.3f} | {recall:.3f} | {f1:.3f} |", flush=True)


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
        **docling_parse(),
        **markitdown(),
    }


def docling_parse() -> dict[str, Extract]:
    if not find_spec("docling_parse"):
        return {}
    from docling_core.types.doc.page import TextCellUnit
    from docling_parse.pdf_parser import DoclingPdfParser

    parser = DoclingPdfParser()

    def extract(path: Path) -> str:
        pages = parser.load(str(path)).iterate_pages()
        return "\n".join(cell.text for _, page in pages for cell in page.iterate_cells(TextCellUnit.LINE))

    return {"docling-parse": extract}


def doc2lora(folder: Path) -> dict[str, Callable[[], str]]:
    """What its `scan` does, in one thread and in as many as it takes by itself."""
    if not find_spec("doc2lora"):
        return {}
    from doc2lora.parsers import DocumentParser

    def scan(workers: int | None) -> str:
        found = DocumentParser().parse_directory(str(folder), workers)
        return "\n".join(one["content"] for one in found)

    return {"doc2lora scan, one thread": lambda: scan(1), "doc2lora scan": lambda: scan(None)}


def mixed(folder: Path) -> None:
    """A folder of mixed files, whole: ours in one process and in all, against markitdown file by file."""
    for number in range(COPIES):
        for name, content in samples().items():
            if name.endswith(BOTH_READ):
                (folder / f"{number}-{name}").write_bytes(content)
    paths = sorted(folder.iterdir())
    print(
        f"\nA folder of mixed files ({len(paths)} files)\n\n"
        "| reader | times our computing | times our time by the clock | recall of the story |"
    )
    print("| --- | --- | --- | --- |")
    out = folder.parent / "rows"
    ways: dict[str, Callable[[], str]] = {
        "ours, one process": lambda: words(read_rows(ingest([str(folder)], out, workers=1).uri)),
        "ours, all cores": lambda: words(read_rows(ingest([str(folder)], out).uri)),
        "ours, cached": lambda: words(read_rows(ingest([str(folder)], out, folder.parent / "cache").uri)),
    }
    for name, extract in markitdown().items():
        ways[name] = lambda extract=extract: "\n".join(map(extract, paths))  # type: ignore[misc]
    ways |= doc2lora(folder)
    stories = sum(name.endswith((".docx", ".html", "note.txt", ".md", ".ipynb")) for name in map(str, paths))
    stories += 2 * sum(path.suffix == ".epub" for path in paths)
    ours = clock = 0.0
    for name, way in ways.items():
        seconds, passed = timed(way, 3)
        ours, clock = ours or seconds, clock or passed
        recall = way().count(STORY) / stories
        print(f"| {name} | {seconds / ours:.2f} | {passed / clock:.2f} | {recall:.2f} |", flush=True)


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
        for title, write in (("one column", one_column), ("two columns", two_columns)):
            truth = write(folder / "pages.pdf", PAGES)
            compared(
                f"Text of a PDF of {PAGES} pages in {title}",
                {"ours": read, **pdf_rivals()},
                [(folder / "pages.pdf", truth)],
                ordered=True,
            )
        (folder / "mixed").mkdir()
        mixed(folder / "mixed")


if __name__ == "__main__":
    main()
