from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preparation.readers.encoding import encoding_of, read_text

SENTENCES = {
    "cp1252": "Die Größe der Bücher ist schön geprüft",
    "cp1250": "Proszę o przesłanie faktury, ponieważ jeszcze żadnej nie było",
    "cp1254": "Şifreyi değiştirmek için ayarları açın, işlem başarılı",
    "mac_roman": "Où êtes-vous allés après le dîner, à la fenêtre",
    "cp850": "Für die Prüfung der Größe genügt das übliche Maß",
    "cp1251": "Как восстановить пароль? Откройте настройки профиля",
    "koi8_r": "Как восстановить пароль? Откройте настройки профиля",
    "cp1253": "Πώς μπορώ να αλλάξω τον κωδικό μου στις ρυθμίσεις",
    "cp932": "パスワードを変更するにはどうすればよいですか。",
    "gb18030": "如何修改密码？请进入账户设置并点击按钮。",
    "cp949": "비밀번호를 변경하려면 어떻게 해야 합니까?",
    "utf-8": "Größe, пароль, 密码 and €5",
    "utf-8-sig": "Größe, пароль, 密码 and €5",
    "utf-16": "Größe, пароль, 密码 and €5",
    "utf-32": "Größe, пароль, 密码 and €5",
    "utf-16-le": "Größe without a mark",
    "utf-16-be": "Größe without a mark",
}


@pytest.mark.parametrize("encoding", SENTENCES)
def test_a_sentence_is_read_in_the_encoding_it_was_written_in(folder: Path, encoding: str) -> None:
    path = folder / "sentence.txt"
    path.write_bytes(SENTENCES[encoding].encode(encoding))
    assert read_text(path) == SENTENCES[encoding]


@pytest.mark.parametrize("word", ["Käse", "naïve", "Señor ¿qué?", "smørrebrød", "It’s “his” – €5"])
def test_a_few_western_bytes_are_enough(folder: Path, word: str) -> None:
    path = folder / "short.txt"
    path.write_bytes(word.encode("cp1252"))
    assert read_text(path) == word


def test_windows_bytes_in_a_utf8_text_do_not_spoil_the_rest(folder: Path) -> None:
    path = folder / "mixed.txt"
    path.write_bytes("Größe überall schön\n".encode() + "Käse\n".encode("cp1252"))
    assert read_text(path) == "Größe überall schön\nKäse\n"


def test_a_file_whose_every_second_line_is_of_windows_is_read_line_by_line(folder: Path) -> None:
    path = folder / "joined.txt"
    path.write_bytes(b"".join("Größe für alle\n".encode(encoding) for encoding in ("utf-8", "cp1252") * 20))
    assert read_text(path) == "Größe für alle\n" * 40


def test_letters_far_behind_the_beginning_count_too(folder: Path) -> None:
    path = folder / "late.txt"
    path.write_bytes(b"plain words\n" * 200_000 + "Откройте настройки профиля".encode("cp1251"))
    assert encoding_of(path) == "cp1251"


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_fail(folder: Path, content: bytes) -> None:
    path = folder / "any.txt"
    path.write_bytes(content)
    read_text(path).encode()


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0\ufeff"), max_size=200))
def test_utf8_comes_back_as_it_was(folder: Path, text: str) -> None:
    path = folder / "utf8.txt"
    path.write_bytes(text.encode())
    assert read_text(path) == text
