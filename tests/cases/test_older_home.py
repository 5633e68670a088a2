"""A home of before routing had a key of its own is told the one step that mends it."""

from datetime import date

import pytest
from typer.testing import CliRunner

from include.cli import main
from include.settings import Settings
from include.stores import ledger, routing_store, warehouse
from include.stores.signing.dsse import PACKAGES, ROUTING
from ml.errors import SignatureError
from ml.governance.ledger_entries import EntryKind, Promoted
from ml.usecase import UseCase
from tests import served


@pytest.fixture
def older(home: Settings, taxi: UseCase) -> Settings:
    """A home whose champion is routed under the key of packages, the only one that there was."""
    digest = served.packaged(home)
    ledger.append(
        warehouse.engine(home.warehouse_url),
        kind=EntryKind.PROMOTED,
        use_case=taxi.name,
        night=date(2024, 3, 16),
        subject=digest,
        payload=Promoted(approved_by=(), evidence=""),
        key="promoted",
    )
    (home.secrets / ROUTING.key_file).write_bytes((home.secrets / PACKAGES.key_file).read_bytes())
    served.routed(home, digest)
    (home.secrets / ROUTING.key_file).unlink()
    for path in ROUTING.trusted_folder(home.trusted_keys).glob("*.pem"):
        path.unlink()
    return home


def test_a_server_refuses_the_route_of_before(older: Settings, taxi: UseCase) -> None:
    with pytest.raises(SignatureError, match=r"taxi\.json was signed by an earlier release.*`ratchet upgrade`"):
        routing_store.current(taxi.name, older)


def test_the_command_that_is_named_signs_the_routing_again(older: Settings, taxi: UseCase) -> None:
    for _ in range(2):
        upgraded = CliRunner().invoke(main.app, ["upgrade"])
        assert upgraded.exit_code == 0
    assert routing_store.current(taxi.name, older).champion
    assert (older.secrets / ROUTING.key_file).stat().st_mode & 0o077 == 0
