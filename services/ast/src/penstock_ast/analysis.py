"""The whole analysis of a change, without any input or output: what `penstock review` calls."""

from collections.abc import Iterable

from penstock_ast import decide, rules, symbols
from penstock_ast.languages import grammar_of
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
    return decide.assemble((analyse_file(task) for task in tasks), (*plan.refused, *refused))


def analyse_file(task: FileTask) -> FileResult:
    """One file: its changed symbols, and what the rules find on its changed lines."""
    grammar = grammar_of(task.language)
    if grammar is None:
        return without_analysis(task, FileState.NO_GRAMMAR)
    before = None if task.before is None else symbols.parse(task.before, grammar)
    after = None if task.after is None else symbols.parse(task.after, grammar)
    changed = symbols.changed_symbols(
        task,
        symbols.definitions(before, grammar) if before else (),
        symbols.definitions(after, grammar) if after else (),
    )
    broken = after is not None and after.root_node.has_error
    file = AnalysedFile(
        path=task.path,
        status=(FileState.SYNTAX_ERRORS if broken else FileState.ANALYSED).value,
        language=task.language,
        symbols=changed,
        note=task.note,
    )
    return FileResult(file, rules.findings(task.path, task.after or "", task.added, grammar))
