"""Kills a step in the middle: after each write to a store in turn, as SIGKILL would."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from include.settings import load_settings

Writes = Collection[tuple[Any, str]]  # an object, and the name of its function that writes


class Killed(BaseException):
    """Nothing catches it, like SIGKILL."""


@contextmanager
def killed_after(write: int, writes: Writes) -> Iterator[list[str]]:
    """Raise Killed after the given call (from 1; 0 never) of one of `writes`; yields the names of the calls as they happen.

    A write to a path outside the home (a temporary folder) is not counted: no later process reads it.
    """
    done: list[str] = []

    def mortal(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            if args and isinstance(args[0], Path) and not args[0].is_relative_to(load_settings().home):
                return result
            done.append(name)
            if len(done) == write:
                raise Killed(name)
            return result

        return wrapped

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in writes:
            patch.setattr(owner, name, mortal(f"{owner.__name__}.{name}", getattr(owner, name)))
        yield done
