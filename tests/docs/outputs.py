"""Whether a command printed what a page shows: `...` stands for anything, alone on a line for any lines."""

import re
from collections.abc import Sequence

_ANYTHING = "..."


def difference(shown: Sequence[str], printed: str) -> str | None:
    """Return the first line that the page shows and the command did not print; None if it printed all of them.

    Lines are compared in order, without regard to the amount of white space. A page that shows nothing promises nothing.
    """
    lines = [text for line in printed.splitlines() if (text := _plain(line))]
    position, may_skip = 0, False
    for line in filter(None, map(_plain, shown)):
        if line == _ANYTHING:
            may_skip = True
            continue
        candidates = range(position, len(lines)) if may_skip else range(position, min(position + 1, len(lines)))
        index_of_line = next((index for index in candidates if _pattern(line).fullmatch(lines[index])), None)
        if index_of_line is None:
            return line
        position, may_skip = index_of_line + 1, False
    return None if may_skip or position == len(lines) or not shown else lines[position]


def _plain(line: str) -> str:
    return " ".join(line.split())


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, line.split(_ANYTHING))))
