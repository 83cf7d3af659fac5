"""What `penstock config` does."""

from collections.abc import Mapping
from typing import TextIO

from penstock.operating.console import Console
from penstock.operating.ending import DONE


async def forget(chosen: Mapping[str, str], console: Console, out: TextIO, *, as_json: bool = False) -> int:
    """`chosen`: an organisation or a repository. The exit code; raises what the console's client raises."""
    gone = await console.forget(chosen)
    if as_json:
        out.write(f"{gone.model_dump_json(indent=2)}\n")
    else:
        (name,) = chosen.values()
        kept = f"{gone.entries} configuration{'' if gone.entries == 1 else 's'}"
        nothing = (
            f"nothing was kept of {name}: either the next review reads anew already, or the name is another; "
            "`penstock jobs` has the names, as owner/name before the #\n"
        )
        out.write(f"forgot {kept} of {name}: the next review reads anew\n" if gone.entries else nothing)
    return DONE
