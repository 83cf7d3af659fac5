"""What has to be known of a language to read its symbols and to look for patterns in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from penstock_changes.findings import Category, Severity
from penstock_changes.languages import Language


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern that gives a finding wherever it is found. `pattern` is a rule object of ast-grep."""

    name: str
    category: Category
    severity: Severity
    title: str
    message: str
    pattern: Mapping[str, object]
    confidence: float = 0.9


@dataclass(frozen=True, slots=True)
class Grammar:
    """`definitions` maps the node that defines a symbol to its kind.

    `wrappers` are nodes around one definition that belong to it, as decorators do. A definition inside one of
    `methods_in` is a method. `load` imports the grammar: it is called when a file of the language is read.
    """

    language: Language
    load: Callable[[], object]
    definitions: Mapping[str, str]
    methods_in: frozenset[str]
    wrappers: frozenset[str]
    comments: frozenset[str]
    rules: tuple[Rule, ...]
    name_field: str = "name"
    body_field: str = "body"
