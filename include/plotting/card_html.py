"""Render a model card's Markdown as one HTML page."""

from html import escape

# `ratchet model-card check` compares a stored page with a new one byte by byte: with another style, older cards would fail.
STYLE = """\
:root { color-scheme: light dark; --ink: #1d2330; --paper: #fff; --line: #d9dde5; --soft: #6b7280; --good: #2b7a4b; --warn: #b0413e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --paper: #14171d; --line: #303643; --soft: #9aa3b2; --good: #6cc391; --warn: #e58a86; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 72rem; margin: 2.5rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.4rem 0 .6rem; } p, figcaption { color: var(--soft); max-width: 46rem; }
.tiles { display: flex; flex-wrap: wrap; gap: 2.2rem; margin: 1.6rem 0; } .tiles b { display: block; font-size: 1.6rem; font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(27rem, 1fr)); gap: 1.6rem; } figure { margin: 0; } svg { width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; } th { text-align: right; color: var(--soft); font-weight: 500; }
td { text-align: right; } th, td { padding: .28rem .7rem; border-bottom: 1px solid var(--line); } th:first-child, td:first-child, .words td { text-align: left; } .words th { text-align: left; }
.bad { color: var(--warn); } .promote { color: var(--good); font-weight: 600; } .soft { color: var(--soft); } code { font-size: .9em; } a { color: inherit; font-weight: 600; } .scroll { overflow-x: auto; }
"""


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
