"""The whole analysis of a change, without any input or output: what `penstock review` calls."""

from collections.abc import Iterable

from penstock_ast import decide, rules
from penstock_ast.languages import grammar_of
from penstock_ast.languages.grammar import Grammar
from penstock_ast.symbols import Outline, OutlineReader, changed_symbols
from penstock_ast.task import FileResult, FileState, FileTask, without_analysis
from penstock_changes.documents import AnalysedFile, AnalysisDocument
from penstock_changes.model import FileChange


def analyse(
    changes: Iterable[FileChange],
    before: decide.Texts,
    after: decide.Texts,
    limits: decide.AnalysisLimits | None = None,
) -> AnalysisDocument:
    """In this process. `before` is by the old paths, `after` by the new ones; what is missing is said per file."""
    chosen = limits or decide.AnalysisLimits()
    plan = decide.plan(changes, chosen)
    tasks, refused = decide.tasks(plan.wanted, before, after, chosen)
    analyser = Analyser()
    return decide.assemble((analyser.file(task) for task in tasks), (*plan.refused, *refused))


class Analyser:
    """Analyses one file after the other; what a language needs is loaded with its first file and kept."""

    def __init__(self) -> None:
        self._readers: dict[str, OutlineReader] = {}

    def file(self, task: FileTask) -> FileResult:
        """Its changed symbols, and what the rules find on its changed lines."""
        grammar = grammar_of(task.language)
        if grammar is None:
            return without_analysis(task, FileState.NO_GRAMMAR)
        before, after = self._outline(grammar, task.before), self._outline(grammar, task.after)
        file = AnalysedFile(
            path=task.path,
            status=(FileState.SYNTAX_ERRORS if after.broken else FileState.ANALYSED).value,
            language=task.language,
            symbols=changed_symbols(task, before.definitions, after.definitions),
            note=task.note,
        )
        return FileResult(file, rules.findings(task.path, task.after or "", task.added, grammar))

    def _outline(self, grammar: Grammar, text: str | None) -> Outline:
        if text is None:
            return Outline()
        if grammar.language not in self._readers:
            self._readers[grammar.language] = OutlineReader(grammar)
        return self._readers[grammar.language].read(text)
