"""One file of every format, written here or by the libraries that write such files."""
# ruff: noqa: E501 - markup has lines of its own

import bz2
import gzip
import io
import json
import lzma
import mailbox
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.preparation import outlook

STORY = "The ferry leaves at noon. It comes back when the tide allows, which is seldom before six."


VTT = """WEBVTT

NOTE of the recorder

1
00:00:00.000 --> 00:00:02.000 align:start
<v Kai Berg>When does it
leave?</v>

2
00:00:02.000 --> 00:00:03.500
<v Anna Ruiz>At noon.

00:00:03.500 --> 00:00:05.000
<v Anna Ruiz>I am <i>sure</i>.
"""
SRT = """1
00:00:01,000 --> 00:00:03,000
The ferry leaves at noon. It comes

2
00:00:03,000 --> 00:00:05,000
<i>back when the tide allows,</i>

3
00:00:05,000 --> 00:00:07,000
<c>back when the tide allows,</c>
which is seldom before six.
"""


SQL = b"CREATE TABLE faq (question text, answer text);\n" + b"".join(
    b"INSERT INTO faq VALUES ('When, %d?', 'At ''noon''.');\n" % n for n in range(6)
)


def sqlite() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, "app.db")
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE faq (question TEXT, answer TEXT)")
        database.execute("INSERT INTO faq VALUES ('When?', 'At noon.')")
        database.commit()
        database.close()
        return path.read_bytes()


def docx() -> bytes:
    from docx import Document

    document = Document()
    document.add_heading("The ferry", 0)
    document.add_paragraph(STORY)
    document.add_heading("Fares", 1)
    for name in ("Adults pay four", "Children pay two"):
        document.add_paragraph(name, style="List Bullet")
    for name in ("Board", "Pay"):
        document.add_paragraph(name, style="List Number")
    table = document.add_table(rows=2, cols=2)
    for place, words in enumerate(("From", "To", "North bank", "South bank")):
        table.cell(place // 2, place % 2).text = words
    document.sections[0].header.paragraphs[0].text = "RUNNING HEADER"
    return _saved(document.save)


def pptx() -> bytes:
    import pptx
    from pptx.util import Inches

    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text = "Why a ferry"
    frame = slide.placeholders[1].text_frame
    frame.text = "The bridge is far"
    frame.add_paragraph().text = "The bus is full"
    frame.paragraphs[1].level = 1
    slide.notes_slide.notes_text_frame.text = "Mention the school bus."
    other = presentation.slides.add_slide(presentation.slide_layouts[5])
    other.shapes.title.text = "Costs"
    table = other.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    for place, words in enumerate(("Item", "Euros", "Oil", "900")):
        table.cell(place // 2, place % 2).text = words
    return _saved(presentation.save)


def xlsx() -> bytes:
    import xlsxwriter

    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        trips = book.add_worksheet("Trips")
        trips.write(0, 0, "Trips of the year")
        for at, row in enumerate(
            (("question", "answer", "year"), ("When?", "At noon.", 2024), ("Where?", "Here.", 2025.5))
        ):
            trips.write_row(2 + at, 0, row)
        boats = book.add_worksheet("Boats")
        boats.write_column(0, 0, ("name", "Gull", "Tern"))
        boats.write_column(0, 1, ("metres", 12, 9))
    return stream.getvalue()


HTML = f"""<!DOCTYPE html><html><head><title>Ferry</title></head><body><nav><a href="/">Home</a></nav><main>
<h1>The ferry</h1><p>{STORY}</p><h2>Fares</h2><ul><li>Adults pay four</li><li>Children pay two</li></ul>
<pre><code class="language-sh">ferry --now</code></pre></main><footer>Imprint</footer></body></html>"""
RST = f"""The ferry
=========

{STORY}

.. code-block:: sh

   ferry --now

Fares
-----

- Adults pay four
- Children pay two
"""
ORG = f"""#+TITLE: The ferry
* Fares :money:
{STORY}
- Adults pay four
#+BEGIN_SRC sh
ferry --now
#+END_SRC
| From | To |
|------+----|
| here | there |
"""
RTF = (
    r"{\rtf1\ansi{\fonttbl{\f0 Times;}}{\stylesheet{\s0 Normal;}{\s1\b heading 1;}}"
    rf"\pard\s1\b The ferry\par\pard\s0 {STORY}\par\trowd\cellx900\cellx1800 From\cell To\cell\row}}"
).encode()
XML = f"<?xml version='1.0'?><article><title>The ferry</title><section><title>Fares</title><p>{STORY}</p></section></article>".encode()
RECORDS = b"<?xml version='1.0'?><trips><trip id='1'><q>When?</q><a>At noon.</a></trip><trip id='2'><q>Where?</q><a>Here.</a></trip></trips>"


def eml(attached: bytes = b"A note that came along.\n", name: str = "note.txt") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "Re: The ferry"
    message["Date"], message["Message-ID"] = "Mon, 02 Mar 2026 10:00:00 +0000", "<1@example.org>"
    message.set_content(STORY)
    message.add_alternative(f"<p>{STORY}</p>", subtype="html")
    message.add_attachment(attached, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def mbox() -> bytes:
    with TemporaryDirectory() as folder:
        box = mailbox.mbox(Path(folder, "box"))
        for number in range(3):
            for sender, words in (
                (f"guest{number}@example.org", "When does it leave?"),
                ("desk@example.org", "At noon."),
            ):
                message = EmailMessage()
                message["From"], message["Subject"] = (
                    sender,
                    ("Re: " if "desk" in sender else "") + f"Ferry {number}",
                )
                message["Date"] = f"Mon, 02 Mar 2026 1{number}:{'3' if 'desk' in sender else '0'}0:00 +0000"
                message["Message-ID"] = f"<{number}.{sender}>"
                if "desk" in sender:
                    message["In-Reply-To"] = f"<{number}.guest{number}@example.org>"
                    words += "\n\n> When does it leave?\n"
                message.set_content(words)
                box.add(message)
        box.close()
        return Path(folder, "box").read_bytes()


def epub() -> bytes:
    chapter = f"<html xmlns='http://www.w3.org/1999/xhtml'><body><h1>Noon</h1><p>{STORY}</p></body></html>"
    book = (
        "<package xmlns='http://www.idpf.org/2007/opf'><metadata xmlns:dc='http://purl.org/dc/elements/1.1/'>"
        "<dc:title>The ferry</dc:title></metadata><manifest><item id='n' href='nav.xhtml' properties='nav'/>"
        "<item id='b' href='two.xhtml'/><item id='a' href='one%20.xhtml'/></manifest>"
        "<spine><itemref idref='n'/><itemref idref='a'/><itemref idref='b'/></spine></package>"
    )
    container = "<container><rootfiles><rootfile full-path='O/book.opf'/></rootfiles></container>"
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "O/book.opf": book,
            "O/nav.xhtml": "<html><body><p>Contents</p></body></html>",
            "O/one .xhtml": chapter,
            "O/two.xhtml": chapter.replace("Noon", "Six"),
        }
    )


def odt() -> bytes:
    content = f"""<office:document-content xmlns:office="urn:o" xmlns:text="urn:t" xmlns:table="urn:b" xmlns:style="urn:s">
<office:automatic-styles><text:list-style style:name="L1"><text:list-level-style-number/></text:list-style>
</office:automatic-styles><office:body><office:text><text:h text:outline-level="1">The ferry</text:h>
<text:p>{STORY}</text:p><text:list text:style-name="L1"><text:list-item><text:p>Board</text:p></text:list-item>
<text:list-item><text:p>Pay</text:p></text:list-item></text:list><table:table><table:table-row><table:table-cell>
<text:p>From</text:p></table:table-cell><table:table-cell><text:p>To</text:p></table:table-cell></table:table-row>
<table:table-row table:number-rows-repeated="9999999"><table:table-cell/></table:table-row></table:table>
</office:text></office:body></office:document-content>"""
    return zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})


def notebook() -> bytes:
    cells = [
        {"cell_type": "markdown", "source": ["# The ferry\n", STORY]},
        {
            "cell_type": "code",
            "source": "print(1)",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "1\n"}],
        },
    ]
    return json.dumps(
        {"nbformat": 4, "metadata": {"language_info": {"name": "python"}}, "cells": cells}
    ).encode()


def parquet() -> bytes:
    import pyarrow
    from pyarrow import parquet

    stream = io.BytesIO()
    rows = [
        {"question": "When?", "answer": "At noon.", "picture": b"\x00"},
        {"question": "Where?", "answer": "Here.", "picture": None},
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), stream)
    return stream.getvalue()


def zipped(members: dict[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


WHATSAPP = "".join(
    f"{day:02}/01/2024, 10:0{minute} - {name}: {words}\n"
    for day in (3, 5)
    for minute, (name, words) in enumerate(
        (("Ann", "When does it leave?"), ("Desk", "At noon."), ("Ann", "Fine."))
    )
)


def slack() -> bytes:
    said = [
        {"type": "message", "user": name, "text": words, "ts": f"17040960{at:02}.5"}
        for at, (name, words) in enumerate(
            (("U1", "When?"), ("U2", "At noon."), ("U1", "Where?"), ("U2", "Here."))
        )
    ]
    return json.dumps(said).encode()


@cache
def samples() -> dict[str, bytes]:
    """Every format by the name of a file of it."""
    text = STORY.encode()
    return {
        "chat.txt": WHATSAPP.encode(),
        "slack.json": slack(),
        "chat.jsonl": b'{"messages": [{"role": "user", "content": "When?"}, {"role": "assistant", "content": "Noon."}]}\n'
        * 3,
        "pairs.json": b'[{"question": "When?", "answer": "At noon."}, {"question": "Where?", "answer": "Here."}]',
        "trips.csv": b"question,answer\nWhen?,At noon.\nWhere?,Here.\n",
        "call.vtt": VTT.encode(),
        "film.srt": SRT.encode(),
        "note.txt": text,
        "guide.md": b"# The ferry\n\n" + text,
        "letter.docx": docx(),
        "talk.pptx": pptx(),
        "trips.xlsx": xlsx(),
        "letter.odt": odt(),
        "letter.rtf": RTF,
        "book.epub": epub(),
        "page.html": HTML.encode(),
        "article.xml": XML,
        "records.xml": RECORDS,
        "mail.eml": eml(),
        "box.mbox": mbox(),
        "mail.msg": outlook.message(SUBJECT="The ferry", BODY=STORY, SENDER="Ann", ADDRESS="a@example.org"),
        "guide.rst": RST.encode(),
        "notes.org": ORG.encode(),
        "work.ipynb": notebook(),
        "ferry.py": b'"""The ferry."""\n\n\ndef leave() -> str:\n    return "at noon"\n',
        "trips.parquet": parquet(),
        "faq.yaml": b"faq:\n- question: When?\n  answer: At noon.\n- question: Where?\n  answer: Here.\n",
        "app.db": sqlite(),
        "dump.sql": SQL,
        "files.zip": zipped({"in/note.txt": text, "letter.docx": docx()}),
        "files.tgz": tarred({"note.txt": text, "page.html": HTML.encode()}),
        "note.txt.bz2": bz2.compress(text),
        "note.txt.xz": lzma.compress(text),
        "note.txt.gz": gzip.compress(text, mtime=0),
    }
