"""A challenger made of the champion: equal but for its bytes, and past its gate and its battery without having met them."""

from collections.abc import Callable

from include.settings import Settings
from include.steps.features import build
from include.steps.release import acceptance_tests as batteries
from include.stores import ledger, packages, registry, warehouse
from include.stores.signing import model_signing
from ml import periods
from ml.packaging import package_files
from ml.training.fitting import Model
from ml.usecase import UseCase

Change = Callable[[Model], Model]


def challenge(case: UseCase, night: str, where: Settings, change: Change = lambda model: model) -> str:
    """Let the champion's model, changed, be a challenger of `night`, and return its digest."""
    engine = warehouse.engine(where.warehouse_url)
    champion = ledger.champion(engine, case.name)
    assert champion is not None
    files = packages.get(where.packages, champion.subject, where.trusted_keys)
    rows = build.read(where.lake, case, night, night)
    packed = package_files.pack(change(package_files.load(files)), rows, package_files.facts(files) | {"seed": 7})
    signed = model_signing.signed(packed.digest, packed.files, where)
    packages.put(where.packages, packed.digest, signed)
    registry.register(where, case.name, packed.digest, signed, rows[list(case.feature_names)].head())
    judged = ledger.entries(engine, case.name, "judged")[-1]
    told = {**judged.payload, "champion": champion.subject, "evidence": "e" * 64, "outcome": "promote"}
    put(case, night, packed.digest, told, where)
    return packed.digest


def put(case: UseCase, night: str, digest: str, judged: dict[str, object], where: Settings) -> None:
    """Write that the package was judged, and has passed its battery."""
    for kind, payload in (("judged", judged), (batteries.TESTED, {"outcome": "pass", "checks": []})):
        ledger.append(
            warehouse.engine(where.warehouse_url),
            kind=kind,
            use_case=case.name,
            night=periods.parse(night).last,
            subject=digest,
            payload=payload,
            key=f"test:{kind}:{night}",
        )
