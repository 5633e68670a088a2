"""Generated Markdown has short lines, and breaks nothing that must stay whole."""

import pytest

from include.cli.docs import markdown

LONG = "word " * 60


def test_a_paragraph_has_no_line_that_is_too_long() -> None:
    assert max(map(len, markdown.paragraph(LONG).splitlines())) <= markdown.WIDTH


@pytest.mark.parametrize("whole", ["`a b c`", "[a b c](d.md)"])
def test_code_and_links_are_never_broken(whole: str) -> None:
    for words in range(20, 30):
        assert whole in markdown.paragraph("word " * words + whole + " more words" * 5)


def test_an_item_is_indented_below_its_bullet() -> None:
    first, *others = markdown.item(LONG).splitlines()
    assert first.startswith("* word")
    assert all(line.startswith("  word") for line in others)


def test_a_bar_in_a_cell_does_not_end_the_cell() -> None:
    assert markdown.table(["a"], [["b|c"]]) == "| a |\n|---|\n| b\\|c |"


def test_a_docstring_keeps_its_paragraphs_lists_and_examples() -> None:
    text = markdown.docstring("Return one.\n\n    * first\n      item\n    * second\n\n    >>> 1\n    1\n    ")
    assert text == "Return one.\n\n* first item\n* second\n\n```python\n>>> 1\n1\n```"


def test_a_page_leaves_empty_blocks_out() -> None:
    assert markdown.page("Title", "", "text") == "# Title\n\ntext\n"
