"""Which symbols a change touches, and how they are named."""

import time

from penstock_ast.analysis import analyse
from penstock_ast.task import FileState
from penstock_changes.documents import AnalysedFile, Symbol
from tests.unit.penstock_ast.support import change_of

BEFORE = '''\
import os


def total(items):
    return sum(items)


class Cart:
    """What somebody is about to buy."""

    def add(self, item):
        self.items.append(item)

    def clear(self):
        self.items = []


def gone():
    return 1
'''


def analysed(before: str | None, after: str | None, path: str = "shop/cart.py") -> AnalysedFile:
    texts = [None if text is None else text.encode() for text in (before, after)]
    document = analyse([change_of(path, before, after)], {path: texts[0]}, {path: texts[1]})
    (file,) = document.files
    return file


def symbols(before: str | None, after: str | None) -> dict[str, Symbol]:
    return {symbol.name: symbol for symbol in analysed(before, after).symbols}


def test_a_changed_parameter_is_a_changed_signature_with_both_of_them() -> None:
    found = symbols(BEFORE, BEFORE.replace("total(items)", "total(items, tax=0)"))
    assert found["total"].change == "signature"
    assert found["total"].old_signature == "def total(items)"
    assert found["total"].signature == "def total(items, tax=0)"


def test_a_changed_body_is_a_modification_of_the_innermost_symbol_only() -> None:
    found = symbols(BEFORE, BEFORE.replace("self.items = []", "self.items.clear()"))
    assert {name: symbol.change for name, symbol in found.items()} == {"Cart.clear": "modified"}
    assert (found["Cart.clear"].kind, found["Cart.clear"].start_line) == ("method", 14)


def test_a_line_of_the_class_itself_modifies_the_class() -> None:
    found = symbols(BEFORE, BEFORE.replace("about to buy", "likely to buy"))
    assert {name: (symbol.kind, symbol.change) for name, symbol in found.items()} == {"Cart": ("class", "modified")}


def test_a_removed_function_is_named_with_its_old_place_and_signature() -> None:
    found = symbols(BEFORE, BEFORE.replace("\n\ndef gone():\n    return 1\n", ""))
    assert found["gone"].change == "removed"
    assert (found["gone"].old_signature, found["gone"].signature) == ("def gone()", "")
    assert (found["gone"].start_line, found["gone"].end_line) == (18, 19)


def test_every_definition_of_a_new_file_is_added() -> None:
    found = symbols(None, BEFORE)
    assert {symbol.change for symbol in found.values()} == {"added"}
    assert set(found) == {"total", "Cart", "Cart.add", "Cart.clear", "gone"}


def test_every_definition_of_a_deleted_file_is_removed() -> None:
    assert {symbol.change for symbol in symbols(BEFORE, None).values()} == {"removed"}


def test_another_layout_of_the_parameters_is_not_another_signature() -> None:
    before = "def f(a, b: int = 1) -> int:\n    return a\n"
    after = "def f(\n    a,  # the first\n    b: int = 1,\n) -> int:\n    return a\n"
    found = symbols(before, after)
    assert found["f"].change == "modified"
    assert found["f"].signature == "def f(a, b: int = 1) -> int"


def test_a_changed_decorator_modifies_what_it_decorates() -> None:
    before = "@cached\ndef f():\n    return 1\n"
    found = symbols(before, before.replace("@cached", "@fresh"))
    assert (found["f"].change, found["f"].start_line) == ("modified", 1)


def test_definitions_of_one_name_are_told_apart_by_their_order() -> None:
    before = "class A:\n    @property\n    def x(self): return 1\n\n    @x.setter\n    def x(self, v): pass\n"
    file = analysed(before, before.replace("def x(self, v): pass", "def x(self, value): pass"))
    assert [(symbol.name, symbol.change, symbol.start_line) for symbol in file.symbols] == [("A.x", "signature", 5)]


def test_a_text_with_errors_is_still_read_and_says_so() -> None:
    file = analysed("def f():\n    return 1\n", "def f(:\n    return 1\n\n\ndef g():\n    return 2\n")
    assert file.status == FileState.SYNTAX_ERRORS
    assert "g" in {symbol.name for symbol in file.symbols}


def test_a_file_of_another_language_is_listed_without_a_grammar() -> None:
    file = analysed("a\n", "b\n", "notes.xyz")
    assert (file.status, file.symbols) == (FileState.NO_GRAMMAR, ())


def test_a_base_text_that_the_diff_does_not_speak_of_is_not_compared_with() -> None:
    after = BEFORE.replace("return sum(items)", "return sum(items) or 0")
    document = analyse(
        [change_of("c.py", BEFORE, after)], {"c.py": b"def other():\n    pass\n"}, {"c.py": after.encode()}
    )
    (file,) = document.files
    assert "does not fit" in file.note
    assert [(symbol.name, symbol.change) for symbol in file.symbols] == [("total", "modified")]


def test_a_text_of_thousands_of_definitions_is_read_in_good_time() -> None:
    text = "".join(f"def f{index}():\n    return {index}\n" for index in range(10_000))
    began = time.process_time()
    file = analysed(None, text)
    assert len(file.symbols) == 10_000
    assert time.process_time() - began < 5.0


def test_hundreds_of_nested_definitions_are_read() -> None:
    text = "".join(f"{' ' * depth}def f{depth}():\n" for depth in range(300)) + " " * 300 + "pass\n"
    assert len(analysed(None, text).symbols) == 300
