"""The functions, methods and classes of a text, and which of them a change touches."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Language, Node, Parser, Query, QueryCursor

from penstock_ast.languages.grammar import Grammar
from penstock_ast.task import FileTask
from penstock_changes.documents import Symbol

_MAX_SIGNATURE = 400
_INNER_SPACE = re.compile(r"\s+")
_AFTER_OPENING = re.compile(r"([(\[]) ")
_BEFORE_COMMA = re.compile(r" ,")
_BEFORE_CLOSING = re.compile(r",? ([)\]])")


@dataclass(frozen=True, slots=True)
class Definition:
    """`key` tells definitions of one name apart: the qualified name and how many of it stood before."""

    key: tuple[str, int]
    kind: str
    start_line: int
    end_line: int
    signature: str


@dataclass(frozen=True, slots=True)
class Outline:
    """The definitions of a text from the top, each before those inside it; `broken` where it has syntax errors."""

    definitions: tuple[Definition, ...] = ()
    broken: bool = False


class OutlineReader:
    """Reads the texts of one language. To compile the grammar's query takes longer than to read most files, so a reader
    is kept. Python itself would take seconds to visit every node of a large change."""

    def __init__(self, grammar: Grammar) -> None:
        language = Language(grammar.load())
        wanted = " ".join(f"({kind} {grammar.name_field}: (_)) @found" for kind in grammar.definitions)
        self._grammar = grammar
        self._parser = Parser(language)
        self._query = Query(language, wanted)

    def read(self, text: str) -> Outline:
        root = self._parser.parse(text.encode("utf-8")).root_node
        seen: Counter[str] = Counter()
        found: list[Definition] = []
        for node, owners in self._defining(root):
            name = ".".join(_name(each, self._grammar) for each in (*owners, node))
            found.append(_definition(node, owners, (name, seen[name]), self._grammar))
            seen[name] += 1
        return Outline(tuple(found), root.has_error)

    def _defining(self, root: Node) -> Iterator[tuple[Node, tuple[Node, ...]]]:
        """Every defining node with those around it."""
        found = QueryCursor(self._query).captures(root).get("found", [])
        owners: list[Node] = []
        for node in sorted(found, key=lambda node: (node.start_byte, -node.end_byte)):
            while owners and owners[-1].end_byte <= node.start_byte:
                owners.pop()
            yield node, tuple(owners)
            owners.append(node)


def changed_symbols(task: FileTask, before: Sequence[Definition], after: Sequence[Definition]) -> tuple[Symbol, ...]:
    """What was added, removed or touched. A line belongs to the innermost definition around it, so that a class is not
    called modified for a line of one of its methods."""
    old = {definition.key: definition for definition in before}
    new = {definition.key: definition for definition in after}
    touched = _owners(after, task.added) | _owners(before, task.removed)
    known_before = task.before is not None or not task.note
    found = [
        _symbol(task.path, definition, old.get(definition.key), change)
        for definition in after
        if (change := _change(definition, old.get(definition.key), touched, known_before))
    ]
    gone = [_symbol(task.path, definition, definition, "removed") for definition in before if definition.key not in new]
    return tuple(sorted(found + gone, key=lambda symbol: (symbol.start_line, symbol.end_line, symbol.name)))


def _change(
    definition: Definition, old: Definition | None, touched: frozenset[tuple[str, int]], known_before: bool
) -> str:
    """Added, signature, modified, or nothing for a definition that the change leaves alone."""
    if known_before and old is None:
        return "added"
    if old is not None and old.signature != definition.signature:
        return "signature"
    return "modified" if definition.key in touched else ""


def _symbol(path: str, definition: Definition, old: Definition | None, change: str) -> Symbol:
    return Symbol(
        path=path,
        name=definition.key[0],
        kind=definition.kind,
        change=change,
        start_line=definition.start_line,
        end_line=definition.end_line,
        signature="" if change == "removed" else definition.signature,
        old_signature=old.signature if old else "",
    )


def _owners(found: Sequence[Definition], numbers: Sequence[int]) -> frozenset[tuple[str, int]]:
    """Of each line the innermost definition around it: those inside come after those around them, and win."""
    owners: dict[int, tuple[str, int]] = {}
    for definition in found:
        first = bisect_left(numbers, definition.start_line)
        last = bisect_right(numbers, definition.end_line)
        owners.update(dict.fromkeys(numbers[first:last], definition.key))
    return frozenset(owners.values())


def _definition(node: Node, owners: tuple[Node, ...], key: tuple[str, int], grammar: Grammar) -> Definition:
    kind = grammar.definitions[node.type]
    if kind == "function" and owners and owners[-1].type in grammar.methods_in:
        kind = "method"
    whole = node.parent if node.parent is not None and node.parent.type in grammar.wrappers else node
    return Definition(key, kind, whole.start_point.row + 1, whole.end_point.row + 1, _signature(node, grammar))


def _name(node: Node, grammar: Grammar) -> str:
    return _text(node.child_by_field_name(grammar.name_field))


def _text(node: Node | None) -> str:
    return node.text.decode("utf-8", errors="replace") if node is not None and node.text is not None else ""


def _signature(node: Node, grammar: Grammar) -> str:
    """What stands before the body on one line, so that another layout is not another signature."""
    body = node.child_by_field_name(grammar.body_field)
    parts = [_without_comments(child, grammar) for child in node.children if body is None or child.id != body.id]
    line = _INNER_SPACE.sub(" ", " ".join(part for part in parts if part)).strip()
    line = _BEFORE_COMMA.sub(",", _AFTER_OPENING.sub(r"\1", line))
    line = _BEFORE_CLOSING.sub(r"\1", line).replace(" (", "(")
    return line.removesuffix(":").rstrip()[:_MAX_SIGNATURE]


def _without_comments(node: Node, grammar: Grammar) -> str:
    if node.type in grammar.comments:
        return ""
    if not any(child.type in grammar.comments for child in node.children):
        return _text(node)
    return " ".join(_text(child) for child in node.children if child.type not in grammar.comments)
