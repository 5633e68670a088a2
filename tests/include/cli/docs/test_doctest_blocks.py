"""Examples in docstrings become code, and nothing else changes."""

import griffe

from include.cli.docs import doctest_blocks

TEXT = "Return one.\n\nMore.\n\n>>> one()\n1\n\nEnd."


def test_examples_are_fenced() -> None:
    assert doctest_blocks.fence_examples(TEXT) == "Return one.\n\nMore.\n\n```python\n>>> one()\n1\n```\n\nEnd."


def test_the_extension_changes_docstrings_that_griffe_reads() -> None:
    extensions = griffe.load_extensions(doctest_blocks.DoctestBlocks)
    module = griffe.load("ml.usecase.identity", extensions=extensions, search_paths=["."])
    docstring = module["text"].docstring
    assert docstring is not None
    assert "```python\n>>> " in docstring.value
