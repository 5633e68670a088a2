"""What a night leaves behind does not depend on the time zone or the locale of the machine."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from include.settings import PROJECT, Settings
from include.stores import ledger, warehouse
from ml.governance.ledger_entries import EntryKind, Promoted
from ml.usecase import UseCase
from tests.conftest import TOYS
from tests.include.steps.conftest import STEPS

PROGRAM = """
import hashlib, json, sys
from include import settings, usecases
usecases.__path__.append(sys.argv[1])
from tests.include.steps.conftest import STEPS, contents
for name in list(STEPS)[list(STEPS).index("promote") + 1:]:
    STEPS[name]()
held = contents(settings.load_settings())
print(json.dumps({name: hashlib.sha256(repr(each).encode()).hexdigest() for name, each in held.items()}))
"""


@pytest.fixture
def released(home: Settings, taxi: UseCase) -> Path:
    """A home with a champion, and the first night after it not taken yet."""
    for name in ("ingest", "features", "train"):
        STEPS[name]()
    engine = warehouse.engine(home.warehouse_url)
    (judged,) = ledger.entries(engine, taxi.name, EntryKind.JUDGED)
    crowned = {"kind": EntryKind.PROMOTED, "use_case": taxi.name, "night": judged.night, "subject": judged.subject}
    ledger.append(engine, **crowned, payload=Promoted(approved_by=(), evidence=""), key="promoted")
    return home.home


def playing(home: Path, **environment: str) -> "subprocess.Popen[str]":
    """Start to play two nights in `home`, in a process of its own that tells digests of what the home holds then."""
    env = os.environ | {"RATCHET_HOME": str(home), "PYTHONPATH": str(PROJECT)} | environment
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(TOYS)], env=env, stdout=subprocess.PIPE, text=True)


def told(process: "subprocess.Popen[str]") -> dict[str, str]:
    out, _ = process.communicate()
    assert process.returncode == 0
    found: dict[str, str] = json.loads(out.splitlines()[-1])
    return found


def test_two_nights_leave_the_same_everywhere(released: Path, tmp_path: Path) -> None:
    places = {"here": {"TZ": "UTC"}, "there": {"TZ": "Asia/Kathmandu", "LANG": "C", "LC_ALL": "C"}}
    started = [playing(shutil.copytree(released, tmp_path / name), **each) for name, each in places.items()]
    here, there = map(told, started)
    assert {"scores", "labels", "alerts", "ingestions", "metrics", "ledger", "taxi/features/entities"} <= set(here)
    assert [name for name in here | there if here.get(name) != there.get(name)] == []
