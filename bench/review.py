"""How long `penstock review` takes for a change of 100 Python files without a model, and `penstock --help`.

    python -m bench.review [--short]

Each is a whole process, from its start to its end. The peer is the least that any reviewer with a parser must do: a
bare Python process that asks git for the diff and for both sides of every file, and parses them with tree-sitter.
Bounds: below 1 s and 0.3 s, and at least 0.1 of the speed of the peer, which starts nothing and decides nothing.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.alternate import ROUNDS, alternate
from bench.figures import Figure, Side, alone

FILES, SHORT_ROUNDS = 100, 3
REVIEW_SECONDS, HELP_SECONDS, RATIO = 1.0, 0.3, 0.1
OURS = (sys.executable, "-m", "penstock.cli")
PEER = """
import subprocess
import tree_sitter
import tree_sitter_python

def git(*arguments, given=b""):
    return subprocess.run(["git", *arguments], input=given, stdout=subprocess.PIPE, check=True).stdout

diff = git("diff", "main...HEAD")
paths = git("diff", "--name-only", "-z", "main...HEAD").split(b"\\0")[:-1]
wanted = b"".join(side + b":" + path + b"\\n" for side in (b"main", b"HEAD") for path in paths)
texts = git("cat-file", "--batch", given=wanted)
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_python.language()))
at = parsed = 0
while at < len(texts):
    end = texts.index(b"\\n", at)
    size = int(texts[at:end].split()[2])
    parsed += parser.parse(texts[end + 1 : end + 1 + size]).root_node.end_byte
    at = end + size + 2
assert diff and parsed
"""


def main(short: bool) -> Sequence[Figure]:
    rounds = SHORT_ROUNDS if short else ROUNDS
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as name:
        folder = Path(name)
        fill(folder)
        compared = alternate(
            lambda: 1 / seconds(folder, *OURS, "review", "main...HEAD", "--format", "json", "--fail-on", "never"),
            lambda: 1 / seconds(folder, sys.executable, "-c", PEER),
            rounds,
        )
        helped = tuple(seconds(folder, *OURS, "--help") for _ in range(rounds))
    took, peer = (tuple(1 / rate for rate in rates) for rates in (compared.ours, compared.peer))
    beside = f"peer {sorted(peer)[len(peer) // 2]:.2f} s ({min(peer):.2f} to {max(peer):.2f})"
    return (
        Figure(f"review of {FILES} files", took, Side.BELOW, REVIEW_SECONDS, " s", beside),
        Figure("review against a bare parse", compared.ratios, Side.AT_LEAST, RATIO),
        Figure("penstock --help", helped, Side.BELOW, HELP_SECONDS, " s"),
    )


def seconds(folder: Path, *command: str) -> float:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PENSTOCK_", "GIT_"))}
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environ, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def fill(folder: Path) -> None:
    """A branch that changes a hundred files of about ninety lines, in three places each."""

    def git(*arguments: str) -> None:
        given = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(("git", *given, *arguments), cwd=folder, stdout=subprocess.DEVNULL, check=True)

    git("init", "--quiet", "--initial-branch=main", ".")
    write(folder, changed=False)
    git("add", "--all")
    git("commit", "--quiet", "--message", "Begin")
    git("checkout", "--quiet", "-b", "work")
    write(folder, changed=True)
    git("commit", "--quiet", "--all", "--message", "Change everything")


def write(folder: Path, *, changed: bool) -> None:
    for number in range(FILES):
        file = folder / f"package_{number % 10}" / f"module_{number}.py"
        file.parent.mkdir(exist_ok=True)
        sin = "\n\ndef remember(item, seen=[]):\n    seen.append(item)\n" if changed and number % 10 == 0 else ""
        classes = (klass(index, touched=changed and index % 3 == 0) for index in range(8))
        file.write_text("import subprocess\n\n\n" + "\n\n".join(classes) + sin)


def klass(index: int, *, touched: bool) -> str:
    lines = [
        f"class Part{index}:",
        f'    """Number {index}."""',
        "",
        "    def weigh(self, first: int, second: str = 'x') -> int:",
        f"        total = first + {index}",
        *(["        total += len(second)"] if touched else []),
        "        for each in range(10):",
        "            total += each * len(second)",
        "        return total",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(alone(main))
