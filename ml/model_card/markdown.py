"""Markdown tables and numbers for the pages about a model."""

from collections.abc import Iterable, Sequence

from ml.statistics.intervals import Interval


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table; bars in cells are escaped.

    >>> table(("a", "b"), [("1|2", "3")])
    ['| a | b |', '| --- | --- |', '| 1\\\\|2 | 3 |']
    """
    cells = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells]


def signed_interval(each: Interval) -> str:
    """Return a difference with its interval, with signs.

    >>> signed_interval(Interval(value=0.02, low=-0.01, high=0.05))
    '+0.0200 [-0.0100, +0.0500]'
    """
    return f"{each.value:+.4f} [{each.low:+.4f}, {each.high:+.4f}]"


def plain_interval(each: Interval | None, digits: int = 2) -> str:
    """Return a number with its interval; "none" for None.

    >>> plain_interval(Interval(value=0.5, low=0.25, high=0.75)), plain_interval(None)
    ('0.50 [0.25, 0.75]', 'none')
    """
    return "none" if each is None else f"{each.value:.{digits}f} [{each.low:.{digits}f}, {each.high:.{digits}f}]"
