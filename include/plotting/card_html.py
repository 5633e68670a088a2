"""Render a model card's Markdown as one HTML page."""

from html import escape

from include.plotting.stylesheet import STYLE


def render(title: str, markdown: str) -> str:
    """Return the page. It has no scripts and loads nothing; HTML tags in the Markdown are escaped."""
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    tables = body.replace("<table>", "<div class='scroll'><table>").replace("</table>", "</table></div>")
    head = "<meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
    return (
        f"<!doctype html>\n<html lang='en'><head>{head}\n<title>Model card: {escape(title)}</title>\n"
        f"<style>\n{STYLE}</style></head><body>\n{tables}</body></html>\n"
    )
