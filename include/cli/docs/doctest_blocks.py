"""An extension of Griffe, which reads docstrings for the Python API: examples become blocks of code."""

from typing import Any

import griffe

from include.cli.docs import markdown


class DoctestBlocks(griffe.Extension):
    """Turns the examples (`>>>`) of each docstring into fenced code, and leaves the rest as it is."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Change the docstring of one object."""
        if obj.docstring is not None:
            obj.docstring.value = fence_examples(obj.docstring.value)


def fence_examples(docstring: str) -> str:
    """Return a docstring whose examples are fenced.

    >>> fence_examples("Return one.") == "Return one."
    True
    """
    blocks = docstring.split("\n\n")
    return "\n\n".join(markdown.code(each, "python") if each.startswith(">>>") else each for each in blocks)
