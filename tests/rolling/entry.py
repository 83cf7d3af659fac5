"""A program of this version, or one made into the next: `entry.py older|newer|contracted EXITS <command of penstock>`.

How it ended is written into the folder EXITS under its process id.
"""

import os
import sys
from pathlib import Path


def main() -> int:
    version, exits, *words = sys.argv[1:]
    if version != "older":
        sys.path.insert(0, str(Path(__file__).parents[2]))
        from tests.rolling.newer import become

        become(version, Path(exits))
    from penstock.cli import main as penstock

    code: object = 1
    try:
        code = penstock(words)
    except SystemExit as ended:
        code = ended.code
        raise
    finally:
        unfinished = Path(exits) / f"{os.getpid()}.unfinished"
        unfinished.write_text(str(code or 0))
        unfinished.rename(unfinished.with_suffix(""))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
