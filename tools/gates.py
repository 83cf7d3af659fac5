"""House rules that no linter knows. Prints what breaks them, one a line, and fails when anything does."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FILE = 400
LONGEST_FUNCTION = 50
SHORT_FUNCTION = 40
SHARE_OF_SHORT = 0.95
BROAD_CATCHES = {
    "packages/eventlog/src/penstock_eventlog/loop.py",  # handlers may raise anything and the loop goes on
    "packages/store/src/penstock_store/fallback.py",  # so may a fold, and one event's fault stops no other
}
_HOME = re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+)/")
_SPEAKS_OF_HOMES = {"tools/gates.py"}
_BROAD = {"Exception", "BaseException"}
_Function = ast.FunctionDef | ast.AsyncFunctionDef

Files = Mapping[PurePosixPath, str]
"""The text of each file by its path from the root."""


def complaints(files: Files) -> Iterator[str]:
    for rule in (places, homes):
        yield from rule(files)
    code = {path: text for path, text in files.items() if path.suffix == ".py"}
    trees = {path: ast.parse(text) for path, text in code.items()}
    yield from long_files(code)
    yield from functions(trees)
    yield from broad_catches(trees)


def places(files: Files) -> Iterator[str]:
    """What may not lie where it lies, and what is missing."""
    for path in files:
        if path.name == "uv.lock":
            yield f"{path}: carries addresses of package indexes; commit requirements.lock"
        if path.name == "__init__.py" and len(path.parts) <= 4 and path.parts[0] == "services":
            yield f"{path}: makes a package of a folder whose name may be one of Python's own"
    folders = {
        parent for path in files if path.suffix == ".py" for parent in path.parents if parent.parts[:1] == ("tests",)
    }
    for folder in sorted(folders):
        if folder / "__init__.py" not in files:
            yield f"{folder}/__init__.py: is missing; test modules of one name collide without it"


def homes(files: Files) -> Iterator[str]:
    for path, text in files.items():
        if str(path) in _SPEAKS_OF_HOMES:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if found := _HOME.search(line):
                yield f"{path}:{number}: speaks of somebody's home ({found[0]})"


def long_files(code: Files) -> Iterator[str]:
    for path, text in code.items():
        if (lines := len(text.splitlines())) > LONGEST_FILE:
            yield f"{path}: has {lines} lines; {LONGEST_FILE} are allowed"


def functions(trees: Mapping[PurePosixPath, ast.Module]) -> Iterator[str]:
    for name, of_tests in (("the code", False), ("the tests", True)):
        lengths = []
        for path, tree in trees.items():
            if (path.parts[0] == "tests") is not of_tests:
                continue
            for function in (node for node in ast.walk(tree) if isinstance(node, _Function)):
                lengths.append(length := (function.end_lineno or 0) - function.lineno + 1)
                if length > LONGEST_FUNCTION:
                    where = f"{path}:{function.lineno}: {function.name}"
                    yield f"{where} has {length} lines; {LONGEST_FUNCTION} are allowed"
        short = sum(length <= SHORT_FUNCTION for length in lengths)
        if lengths and short / len(lengths) < SHARE_OF_SHORT:
            share = f"{short / len(lengths):.1%}"
            yield f"{name}: {share} of the functions have up to {SHORT_FUNCTION} lines; {SHARE_OF_SHORT:.0%} must"


def broad_catches(trees: Mapping[PurePosixPath, ast.Module]) -> Iterator[str]:
    for path, tree in trees.items():
        if str(path) in BROAD_CATCHES:
            continue
        for handler in (node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)):
            kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
            broad = any(kind is None or (isinstance(kind, ast.Name) and kind.id in _BROAD) for kind in kinds)
            last = handler.body[-1]
            if broad and not (
                isinstance(last, ast.Raise) and last.exc is None
            ):  # one that raises again catches nothing
                yield f"{path}:{handler.lineno}: catches everything; only the loop and the fallback may"


def files_of_the_project() -> Files:
    """Every text file that git tracks or would track."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    texts = {}
    for name in sorted(set(filter(None, listed.split("\0")))):
        path = ROOT / name
        if path.is_file():
            content = path.read_bytes()
            if b"\0" not in content:
                texts[PurePosixPath(name)] = content.decode(errors="replace")
    return texts


def main() -> None:
    found = list(complaints(files_of_the_project()))
    for complaint in found:
        print(complaint)
    if found:
        sys.exit(f"gates: {len(found)} to mend")


if __name__ == "__main__":
    main()
