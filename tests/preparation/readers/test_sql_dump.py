import json

import pytest

from records import Row

ROWS = [{"id": str(n), "question": f"Is {n} late?", "answer": f"It's; (not)\n{n}."} for n in range(5)]


def said(items: list) -> dict[str, list[dict[str, str]]]:
    return {name: [json.loads(line) for line in content.splitlines()] for name, content in items}


def values(row: dict[str, str], newline: str, quote: str = "''") -> str:
    answer = row["answer"].replace("\n", newline).replace("'", quote)
    return f"({row['id']}, '{row['question']}', '{answer}')"


MYSQL = (
    "-- MySQL dump\nCREATE TABLE `faq` (\n  `id` int NOT NULL,\n  `question` text,\n"
    "  `answer` varchar(90) DEFAULT '',\n"
    "  PRIMARY KEY (`id`)\n) ENGINE=InnoDB;\nLOCK TABLES `faq` WRITE;\nINSERT INTO `faq` VALUES "
    + ",".join(values(row, "\\n", "\\'") for row in ROWS)
    + ";\nUNLOCK TABLES;\n"
)
INSERTS = "CREATE TABLE IF NOT EXISTS faq(id INTEGER, question TEXT, answer TEXT);\n" + "".join(
    f'INSERT INTO "faq" VALUES{values(row, chr(10))};\n' for row in ROWS
)
SERVER = "GO\n".join(
    "INSERT [dbo].[faq] ([id], [question], [answer]) VALUES " + values(row, "\n").replace(" '", " N'") + "\n"
    for row in ROWS
)
COPY = (
    "CREATE TABLE public.faq (\n    id integer,\n    question text\n);\n"
    "COPY public.faq (id, question, answer) FROM stdin;\n"
    + "".join("\t".join(row.values()).replace("\n", "\\n") + "\n" for row in ROWS)
    + "\\.\n\nSELECT 1;\n"
)


@pytest.mark.parametrize("dump", [MYSQL, INSERTS, SERVER, COPY], ids=["mysql", "inserts", "server", "copy"])
def test_the_rows_of_a_dump_are_those_of_its_tables(read, dump: str) -> None:
    assert said(read("dump.sql", dump)) == {"faq.jsonl": ROWS}


def test_what_functions_give_and_null_are_empty_and_conflicts_are_passed(read) -> None:
    rows = ["(1, NULL, CAST('2026' AS date), 'a')", "(2, now(), X'00', 'b')"] * 3
    dump = f"INSERT INTO t (n, x, y, z) VALUES\n{', '.join(rows)}\nON CONFLICT DO NOTHING;\n"
    found = said(read("dump.sql", dump))["t.jsonl"]
    assert [(row["n"], row["x"], row["z"]) for row in found[:2]] == [("1", None, "a"), ("2", None, "b")]
    assert len(found) == 6


@pytest.mark.parametrize(
    "text", ["SELECT *\nFROM faq;\n", "INSERT INTO faq VALUES (1, 'a');\n", "INSERT INTO x VALUES (("]
)
def test_sql_without_rows_is_code(read, text: str) -> None:
    (row,) = read("query.sql", text)
    assert isinstance(row, Row)
    assert row.text == f"```sql\n{text.rstrip()}\n```"
