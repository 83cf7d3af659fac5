"""Looks for the patterns of a language's rules, on changed lines only."""

from collections.abc import Iterator, Sequence

from ast_grep_py import SgRoot

from penstock_ast.languages.grammar import Grammar, Rule
from penstock_changes.findings import Finding
from penstock_changes.fingerprints import with_fingerprints
from penstock_changes.suppression import apply_suppressions

SOURCE = "ast"


def findings(path: str, text: str, added: Sequence[int], grammar: Grammar) -> tuple[Finding, ...]:
    """What the rules find on lines that the change added, without what the code silences."""
    if not added:
        return ()
    lines = text.split("\n")
    changed = frozenset(added)
    found = sorted(_matches(path, text, grammar, changed), key=lambda each: (each.start_line, each.rule))
    marked = with_fingerprints(found, lambda finding: lines[finding.start_line - 1 : finding.end_line])
    return apply_suppressions(marked, lambda _: lines)[0]


def _matches(path: str, text: str, grammar: Grammar, changed: frozenset[int]) -> Iterator[Finding]:
    root = SgRoot(text, grammar.language.value).root()
    for rule in grammar.rules:
        spans = {
            span
            for node in root.find_all({"rule": rule.pattern})  # type: ignore[call-overload]
            if (span := _span(node.range().start.line + 1, node.range().end.line + 1, changed))
        }
        yield from (_finding(path, rule, *span) for span in sorted(spans))


def _span(first: int, last: int, changed: frozenset[int]) -> tuple[int, int] | None:
    """The changed lines of a match, from the first to the end of the unbroken row: a comment has to stand in a hunk."""
    start = next((number for number in range(first, last + 1) if number in changed), None)
    if start is None:
        return None
    end = start
    while end < last and end + 1 in changed:
        end += 1
    return start, end


def _finding(path: str, rule: Rule, start: int, end: int) -> Finding:
    return Finding(
        path=path,
        start_line=start,
        end_line=end,
        category=rule.category,
        severity=rule.severity,
        rule=rule.name,
        title=rule.title,
        message=rule.message,
        source=SOURCE,
        confidence=rule.confidence,
    )
