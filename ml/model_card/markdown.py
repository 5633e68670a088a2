"""Numbers and tables as the pages of a model write them."""

from collections.abc import Iterable, Sequence

from ml.statistics.intervals import Interval


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table; a bar in a cell does not end it."""
    cells = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells]


def signed_interval(each: Interval) -> str:
    """Return a difference with its interval."""
    return f"{each.value:+.4f} [{each.low:+.4f}, {each.high:+.4f}]"


def plain_interval(each: Interval | None, digits: int = 2) -> str:
    """Return a number with its interval, or `none`."""
    return "none" if each is None else f"{each.value:.{digits}f} [{each.low:.{digits}f}, {each.high:.{digits}f}]"
