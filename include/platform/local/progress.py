"""Show on a terminal or in a log what a long command does, so that a person sees that it is alive."""

import threading
import time
from datetime import timedelta
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

_QUIET_SECONDS = 30.0


class ProgressDisplay:
    """What a command does at present, and for how long it has run: a line that moves, below the parts that are done.

    In a log, which has no moving line, each step is a line, and a step that takes long says so every half a minute.
    """

    def __init__(self, console: Console, parts: int = 0) -> None:
        """Prepare a display for a command with that many `parts`; without parts, there is no bar."""
        self._console, self._parts, self._done = console, parts, 0
        self._started_at = self._step_started_at = time.monotonic()
        self._text = ""
        bar = (BarColumn(), TextColumn("{task.fields[done]}")) if parts else ()
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), *bar, _Elapsed(self._started_at))
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        # One part more, which is never completed: rich stops the clock and the spinner of what is complete.
        self._task = self._progress.add_task("", total=parts + 1, done=f"0/{parts}")
        self._closed = threading.Event()
        self._reminder = threading.Thread(target=self._remind, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._progress.start()
        if not self._console.is_terminal:
            self._reminder.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._progress.stop()

    def show(self, text: str) -> None:
        """Show `text` as what is done now."""
        if text == self._text:
            return
        self._text, self._step_started_at = text, time.monotonic()
        self._progress.update(self._task, description=text)
        if not self._console.is_terminal:
            self._print(text)

    def complete_part(self, text: str) -> None:
        """Count one part as done, and leave `text` on the screen, with the time since the start."""
        self._done += 1
        self._progress.update(self._task, completed=self._done, done=f"{self._done}/{self._parts}")
        self._print(text)

    def _remind(self) -> None:
        while not self._closed.wait(_QUIET_SECONDS):
            seconds = time.monotonic() - self._step_started_at
            if seconds >= _QUIET_SECONDS:
                self._print(f"{self._text} · for {seconds:.0f} s")

    def _print(self, text: str) -> None:
        self._console.print(
            f"{time.monotonic() - self._started_at:6.1f} s  {text}", highlight=False, markup=False, soft_wrap=True
        )


class _Elapsed(ProgressColumn):
    """The time since the start, which goes on until the display is closed."""

    def __init__(self, started_at: float) -> None:
        super().__init__()
        self._started_at = started_at

    def render(self, task: Task) -> Text:
        return Text(str(timedelta(seconds=int(time.monotonic() - self._started_at))), style="progress.elapsed")
