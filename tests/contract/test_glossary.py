"""The glossary is in order, and the code uses its words."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| ([a-z -]+) \| (.+) \|$", re.MULTILINE)


def rows() -> list[tuple[str, str]]:
    return [(word, meaning) for word, meaning in ROW.findall((ROOT / "docs/glossary.md").read_text()) if word != "word"]


def code() -> str:
    files = (path for folder in ("packages", "services") for path in (ROOT / folder).glob("*/src/**/*.py"))
    return "\n".join(path.read_text() for path in files).lower()


def test_words_stand_once_and_in_alphabetical_order() -> None:
    words = [word for word, _ in rows()]

    assert len(words) > 60
    assert words == sorted(set(words))


def test_every_word_is_used_by_the_code() -> None:
    text = code()
    forms = {word: re.compile(re.sub(r"[ -]", "[ _-]?", word)) for word, _ in rows()}

    assert [word for word, form in forms.items() if not form.search(text)] == []


def test_every_meaning_is_one_line_that_ends() -> None:
    assert [word for word, meaning in rows() if not meaning.endswith(".") or len(meaning) > 200] == []
