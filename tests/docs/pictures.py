"""`python -m tests.docs.pictures`: the pictures of the documentation, from the home that `make run` left, by Chromium.

Writes docs/images/dashboard.png and run.png. Needs Chromium (`apt-get install chromium`) and Pillow, and no running
Airflow: the pages are rendered into files.
"""

import shutil
import subprocess
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from include.dashboard import pages as dashboard
from include.settings import load_settings
from tests.docs.pages import DOCS

_COLOURS = 128


def main() -> None:
    """Render the dashboard's page of flights, and the page of the run."""
    settings = load_settings()
    with TemporaryDirectory() as folder:
        page = Path(folder) / "dashboard.html"
        page.write_text(dashboard.use_case(settings, "flights", datetime.now(UTC), "/ratchet"))
        save(page, DOCS / "images/dashboard.png", height=770)
    save(settings.reports / "index.html", DOCS / "images/run.png", height=1540)


def save(page: Path, picture: Path, *, width: int = 1280, height: int = 900) -> None:
    """Save the top of a page as a picture with few colours, which keeps it small."""
    image = Image.open(BytesIO(screenshot(page, width, height)))
    picture.parent.mkdir(parents=True, exist_ok=True)
    image.convert("RGB").quantize(_COLOURS).save(picture, optimize=True)


def screenshot(page: Path, width: int, height: int) -> bytes:
    """Return what Chromium shows of a local page, in light colours, as PNG."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("expected Chromium on the PATH: apt-get install chromium")
    with TemporaryDirectory() as folder:
        target = Path(folder) / "page.png"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--screenshot={target}"]
        options += [f"--window-size={width},{height}", "--blink-settings=preferredColorScheme=1"]
        subprocess.run([chromium, *options, page.as_uri()], check=True, capture_output=True, timeout=120)
        return target.read_bytes()


if __name__ == "__main__":
    main()
