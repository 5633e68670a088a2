"""A test of the stack's UI in a real browser: sign in, trigger a DAG by its form, and wait for its success.

`python -m tests.stack.browser ADDRESS PASSWORDS DAG NIGHT BROWSER PICTURES` needs Playwright, which is not in our lock
files: use any environment that has it, with any Chromium.
"""

import json
import re
import sys
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright  # type: ignore[import-not-found]

_USER = "admin"
_TIMEOUT_MS, _RUN_MS = 60_000, 600_000


def main(address: str, passwords: str, dag: str, night: str, browser: str, pictures: str) -> None:
    """Run all steps with a screenshot of each; raises Playwright's TimeoutError or AssertionError when a step fails."""
    password, folder = json.loads(Path(passwords).read_text())[_USER], Path(pictures)
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"]).new_page()
        page.set_viewport_size({"width": 1400, "height": 1000})
        page.set_default_timeout(_TIMEOUT_MS)
        expect.set_options(timeout=_TIMEOUT_MS)
        try:
            sign_in(page, f"{address}/dags/{dag}", password, folder)
            trigger(page, night, folder)
            wait_for_success(page, f"{address}/dags/{dag}/runs", folder)
        finally:
            _screenshot(page, folder, "last")
    print(f"{_USER} signed in, triggered {dag} for {night} by its form, and saw it succeed; pictures in {folder}")  # noqa: T201


def sign_in(page: Page, target: str, password: str, folder: Path) -> None:
    """Open a page, log in on the login page that appears, and wait until the browser is back on the page."""
    page.goto(target)
    page.locator("input[name=username]").fill(_USER)
    page.locator("input[name=password]").fill(password)
    _screenshot(page, folder, "login")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{target}**")


def trigger(page: Page, night: str, folder: Path) -> None:
    """Open the form of a DAG, fill in the night, and submit it."""
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog")
    form.locator("#element_night").fill(night)
    _screenshot(page, folder, "form")
    form.get_by_test_id("trigger-dag-submit").click()
    expect(form).to_be_hidden()


def wait_for_success(page: Page, runs: str, folder: Path) -> None:
    """Wait until the newest run in the list is a manual one that succeeded."""
    page.goto(runs)
    newest = page.locator("tbody tr").first
    expect(newest).to_contain_text("manual__")
    expect(newest).to_contain_text(re.compile("Success|Failed"), timeout=_RUN_MS)
    _screenshot(page, folder, "runs")
    expect(newest).to_contain_text("Success")


def _screenshot(page: Page, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
