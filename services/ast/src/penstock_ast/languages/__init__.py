"""The languages that can be analysed: a file here and one line below."""

from penstock_ast.languages.grammar import Grammar
from penstock_ast.languages.python import PYTHON
from penstock_changes.languages import Language

GRAMMARS: dict[Language, Grammar] = {grammar.language: grammar for grammar in (PYTHON,)}


def grammar_of(language: str) -> Grammar | None:
    """By the language's name; None where there is no grammar for it."""
    return next((grammar for known, grammar in GRAMMARS.items() if known.value == language), None)
