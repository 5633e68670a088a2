"""A release goes from shadow to champion by what the ledger says, night after night, and back when it is shown worse."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from include import usecases
from include.cli.main import app
from include.settings import Settings
from include.steps import release, release_state, scoring_package
from include.steps.context import NightContext, StepContext
from include.steps.features import build
from include.steps.release import canary, drill, freeze, rollback
from include.steps.score import score
from include.stores import ledger, registry, routing_store, warehouse
from include.stores.signing.dsse import ROUTING
from ml.errors import ApprovalError, LedgerError, RequestError
from ml.governance import ledger_entries
from ml.governance.ledger_entries import Aborted, EntryKind, RolledBack, Verdict
from ml.rollout.routing import Route
from ml.scoring.calibration import Calibration
from ml.training.fitting import Model
from ml.usecase import Roles, periods
from tests.challenger import Change, challenge, put
from tests.include.steps.conftest import NIGHT
from tests.include.steps.release.conftest import NIGHTS, RULE, approve, champion, night, routed


def issued(settings: Settings, number: int) -> dict[str, str]:
    """Return whose score each entity of a night was given."""
    result = warehouse.scores(warehouse.engine(settings.warehouse_url), "taxi", periods.parse(NIGHTS[number]).last)
    assert result["entity"].is_unique
    return dict(zip(result["entity"], result["model_digest"], strict=True))


def at_half(settings: Settings) -> str:
    """Bring an equal challenger to its first share."""
    digest = challenge(usecases.get("taxi"), NIGHT, settings)
    release.shadow("taxi", NIGHT)
    night(0)
    approve()
    release.shift_traffic("taxi", NIGHT)
    return digest


def test_an_equal_challenger_goes_from_shadow_to_champion_step_by_step(settings: Settings) -> None:
    before, digest = champion(settings), challenge(usecases.get("taxi"), NIGHT, settings)
    assert not release.shadow("taxi", NIGHT)
    assert (routed(settings).challenger, routed(settings).canary) == (digest, 0.0)
    assert night(0) == "request_approvals"
    assert set(issued(settings, 0).values()) == {before}
    assert release.shadow("taxi", NIGHT)
    assert "As a shadow it answered 60 requests, 0 of them with a fault" in release.render_evidence("taxi", NIGHT)
    approve()
    assert not release.shift_traffic("taxi", NIGHT)
    assert routed(settings).canary == 0.5
    assert night(1) is None
    split = issued(settings, 1)
    stood = release_state.as_of(
        NightContext(case=usecases.get("taxi"), night=periods.parse(NIGHTS[1]).last, settings=settings)
    )
    assert stood.routing is not None
    assert split == {entity: digest if stood.routing.route(entity) is Route.CANARY else before for entity in split}
    assert 15 < sum(each == digest for each in split.values()) < 45
    assert routed(settings).canary == 1.0
    assert night(2) == "announce_champion"
    assert set(issued(settings, 2).values()) == {digest}
    assert champion(settings) == digest
    assert (routed(settings).champion, routed(settings).standby, routed(settings).challenger) == (digest, before, None)
    assert registry.aliased_digests(settings, "taxi") == {digest}
    ledger.verify(warehouse.engine(settings.warehouse_url))


def test_every_step_again_changes_nothing(settings: Settings) -> None:
    engine, digest = warehouse.engine(settings.warehouse_url), at_half(settings)

    def entries() -> int:
        return len(ledger.entries(engine, "taxi"))

    count = entries()
    release.shadow("taxi", NIGHT)
    release.shift_traffic("taxi", NIGHT)
    assert canary.advance("taxi", NIGHTS[0]) is None
    assert entries() == count
    night(1)
    assert night(2) == "announce_champion"
    count, split = entries(), issued(settings, 1)
    assert night(2) == "announce_champion"
    score.score("taxi", NIGHTS[1])
    assert issued(settings, 1) == split
    assert entries() == count
    assert champion(settings) == digest


def constant(model: Model) -> Model:
    return replace(model, calibration=Calibration(slope=0.0, offset=-1.0))


def scrambled(model: Model) -> Model:
    return replace(model, calibration=replace(model.calibration, slope=-model.calibration.slope))


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        pytest.param(constant, "rows in another order than the champion's", id="constant"),
        pytest.param(scrambled, "rows in another order than the champion's", id="the other way round"),
    ],
)
def test_one_that_answers_otherwise_than_as_a_shadow_is_withdrawn(
    change: Change, reported: str, settings: Settings
) -> None:
    """The package itself cannot change; what it is given can, and what it is can differ from the champion too far."""
    before, engine = champion(settings), warehouse.engine(settings.warehouse_url)
    digest = at_half(settings)
    score.score("taxi", NIGHTS[1])
    case = usecases.get("taxi")
    context = StepContext(case=case, settings=settings)
    result = canary.prediction_log.read(context, periods.parse(NIGHTS[0]).last, ledger.entries(engine)[0].recorded_at)
    own = change(scoring_package.load(digest, settings).model)
    rows = build.read(settings.lake, case, NIGHTS[1], NIGHTS[1]).set_index("entity")
    spoilt = result["package"] == digest
    result.loc[spoilt, "score"] = own.predict(rows.loc[result.loc[spoilt, "entity"]])
    canary.prediction_log.put(result, context.at(periods.parse(NIGHTS[1]).last))
    assert canary.advance("taxi", NIGHTS[1]) is None
    (withdrawn,) = ledger.entries(engine, "taxi", EntryKind.ABORTED)
    assert reported in str(ledger_entries.read(withdrawn, Aborted).reason)
    assert (champion(settings), routed(settings).challenger) == (before, None)
    (alert,) = [
        each for each in warehouse.alerts(engine, "taxi", *[periods.parse(NIGHTS[1]).last] * 2) if each.kind == "canary"
    ]
    assert "was aborted at a share of 0.5" in alert.message
    assert night(2) is None
    assert set(issued(settings, 2).values()) == {before}


def test_one_that_cannot_answer_harms_nobody_and_is_withdrawn(settings: Settings) -> None:
    before, digest = champion(settings), at_half(settings)
    shutil.rmtree(settings.packages / digest)
    night(1)
    assert set(issued(settings, 1).values()) == {before}
    (withdrawn,) = ledger.entries(warehouse.engine(settings.warehouse_url), "taxi", EntryKind.ABORTED)
    assert "faults" in str(ledger_entries.read(withdrawn, Aborted).reason)
    assert not release.shadow("taxi", NIGHT)


def test_a_rejection_ends_the_release(settings: Settings) -> None:
    challenge(usecases.get("taxi"), NIGHT, settings)
    release.shadow("taxi", NIGHT)
    night(0)
    approve("Approve", "Reject")
    assert not release.shadow("taxi", NIGHT)
    assert release_state.current(StepContext(case=usecases.get("taxi"), settings=settings)).challenger is None
    with pytest.raises(ApprovalError, match="'bob' rejected package"):
        release.shift_traffic("taxi", NIGHT)


def test_nobody_is_promoted_around_the_canary(settings: Settings) -> None:
    before = champion(settings)
    at_half(settings)
    with pytest.raises(LedgerError, match=r"has not passed its canary: it has passed no share of \[0.5, 1.0\]"):
        release.promote("taxi", NIGHT)
    assert champion(settings) == before


def test_approvals_on_other_evidence_shift_nothing(settings: Settings) -> None:
    challenge(usecases.get("taxi"), NIGHT, settings)
    release.shadow("taxi", NIGHT)
    approve()
    night(0)
    with pytest.raises(ApprovalError, match="but this is package .* on evidence"):
        release.shift_traffic("taxi", NIGHT)
    assert routed(settings).canary == 0.0


def test_without_enough_copies_nobody_is_asked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    challenge(usecases.get("taxi"), NIGHT, settings)
    case = usecases.get("taxi")
    rule = replace(RULE, min_shadow_rows=100)
    monkeypatch.setattr(usecases, "get", lambda _: replace(case, release=replace(case.release, canary=rule)))
    release.shadow("taxi", NIGHT)
    assert canary.advance("taxi", NIGHT) is None
    assert night(0) is None
    assert not release.shadow("taxi", NIGHT)
    assert night(1) == "request_approvals"


def test_a_second_challenger_waits_for_the_first(settings: Settings) -> None:
    at_half(settings)
    engine = warehouse.engine(settings.warehouse_url)
    first = ledger.entries(engine, "taxi", EntryKind.JUDGED)[-1]
    put(usecases.get("taxi"), NIGHTS[0], "f" * 64, ledger_entries.read(first, Verdict), settings)
    assert not release.shadow("taxi", NIGHTS[0])
    assert routed(settings).challenger == first.subject


def test_a_rollback_withdraws_the_challenger_and_then_goes_back_to_the_last_champion(settings: Settings) -> None:
    before, digest = champion(settings), at_half(settings)
    entry = rollback.roll_back("taxi", "tess", "it is far too slow", "one")
    assert (entry.kind, entry.subject, routed(settings).challenger) == (EntryKind.ABORTED, digest, None)
    with pytest.raises(RequestError, match="has no champion to go back to"):
        rollback.roll_back("taxi", "tess", "and now once more", "two")
    assert champion(settings) == before


def test_a_rollback_after_the_promotion_is_one_step_however_often_it_is_asked_for(settings: Settings) -> None:
    before, digest = champion(settings), at_half(settings)
    night(1)
    night(2)
    seq = routed(settings).seq
    for _ in range(2):
        entry = rollback.roll_back("taxi", "tess", "customers complain about it", "one")
        assert (entry.subject, ledger_entries.read(entry, RolledBack).from_package) == (before, digest)
    assert champion(settings) == before
    assert (routed(settings).champion, routed(settings).standby) == (before, None)
    assert routed(settings).seq > seq
    assert registry.aliased_digests(settings, "taxi") == {before}
    score.score("taxi", NIGHTS[3])
    assert set(issued(settings, 3).values()) == {before}
    with pytest.raises(RequestError, match="rolled back from; train another model"):
        rollback.roll_back("taxi", "tess", "and back once more", "two")


@pytest.mark.parametrize(("who", "why"), [("", "it is bad indeed"), ("tess", "bad")], ids=["nobody", "no reason"])
def test_a_rollback_says_who_and_why(who: str, why: str, settings: Settings) -> None:
    with pytest.raises(RequestError, match="a rollback needs a name and"):
        rollback.roll_back("taxi", who, why, "one")


def test_only_who_is_named_may_roll_back(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    case, digest = usecases.get("taxi"), at_half(settings)
    monkeypatch.setattr(usecases, "get", lambda _: replace(case, roles=Roles(roll_back=("ann",))))
    with pytest.raises(RequestError, match="expected a request by ann, got one by 'tess'"):
        rollback.roll_back("taxi", "tess", "it is far too slow", "one")
    assert routed(settings).challenger == digest
    rollback.roll_back("taxi", "ann", "it is far too slow", "one")
    assert routed(settings).challenger is None


def test_an_alias_moved_by_hand_and_a_row_edited_are_told_and_put_right(settings: Settings) -> None:
    case, night, engine = usecases.get("taxi"), periods.parse(NIGHTS[0]).last, warehouse.engine(settings.warehouse_url)
    challenge(usecases.get("taxi"), NIGHT, settings)
    release_state.audit(NightContext(case=case, night=night, settings=settings))
    assert [each for each in warehouse.alerts(engine, "taxi", night, night) if each.kind == "ledger"] == []
    mlflow = registry.client.connect(settings)
    mlflow.set_registered_model_alias("taxi", "champion", "2")
    release_state.audit(NightContext(case=case, night=night, settings=settings))
    reported = [each.message for each in warehouse.alerts(engine, "taxi", night, night) if each.kind == "ledger"]
    assert reported == [
        "the alias 'champion' was on version 2, now on 1: the registry was changed by hand; it follows the ledger again"
    ]
    assert registry.aliased_digests(settings, "taxi") == {champion(settings)}
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER ledger_refuses_update")
        connection.exec_driver_sql("UPDATE ledger SET subject = 'x' WHERE kind = 'promoted'")
    release_state.audit(NightContext(case=case, night=night, settings=settings))
    reported = [each.message for each in warehouse.alerts(engine, "taxi", night, night) if each.kind == "ledger"]
    assert any("the ledger was tampered with" in each for each in reported)


def test_who_may_not_sign_routing_tells_that_servers_do_not_follow(settings: Settings) -> None:
    case, night, engine = usecases.get("taxi"), periods.parse(NIGHTS[0]).last, warehouse.engine(settings.warehouse_url)
    challenge(case, NIGHT, settings)
    release_state.sync(StepContext(case=case, settings=settings))
    (settings.secrets / ROUTING.key_file).unlink()
    release_state.audit(NightContext(case=case, night=night, settings=settings))
    assert [each for each in warehouse.alerts(engine, "taxi", night, night) if each.kind == "ledger"] == []
    routing_store.path_of(settings.routes, "taxi").unlink()
    release_state.audit(NightContext(case=case, night=night, settings=settings))
    (reported,) = (each.message for each in warehouse.alerts(engine, "taxi", night, night) if each.kind == "ledger")
    assert reported.startswith(
        "the servers' routing does not follow the ledger, and this process may not sign it "
        "(run `ratchet sync-routing taxi`)"
    )


def test_what_a_person_types_leads_the_servers(settings: Settings) -> None:
    challenge(usecases.get("taxi"), NIGHT, settings)
    release.shadow("taxi", NIGHT)
    place = routing_store.path_of(settings.routes, "taxi")
    before = place.read_bytes()
    place.unlink()
    typed = CliRunner().invoke(app, ["sync-routing", "taxi"], catch_exceptions=False)
    assert json.loads(typed.output)["shadow"] is True
    assert place.read_bytes() == before
    back = ["rollback", "taxi", "--why", "it is far too slow"]
    assert CliRunner().invoke(app, back, catch_exceptions=False).output.startswith("aborted (entry ")
    assert CliRunner().invoke(app, back).exit_code == 1
    assert CliRunner().invoke(app, ["flush-log", "taxi"], catch_exceptions=False).output == "0 predictions\n"


def test_nobody_releases_while_it_is_frozen_and_a_rollback_is_possible(settings: Settings) -> None:
    digest, soon = at_half(settings), datetime.now(UTC) + timedelta(hours=1)
    freeze.freeze("taxi", datetime.now(UTC), soon, "tess", "the holidays are near")
    assert night(1) is None
    assert routed(settings).canary == 0.5
    assert not release.shadow("taxi", NIGHT)
    with pytest.raises(LedgerError, match="are frozen until .* by tess: the holidays are near"):
        release.shift_traffic("taxi", NIGHT)
    freeze.unfreeze("taxi", "bob", "they are over now")
    with pytest.raises(RequestError, match="there is nothing to end"):
        freeze.unfreeze("taxi", "bob", "they are over now")
    assert canary.advance("taxi", NIGHTS[1]) is None
    assert routed(settings).canary == 1.0
    freeze.freeze("taxi", datetime.now(UTC), soon, "bob", "and frozen once more")
    assert rollback.roll_back("taxi", "tess", "it is far too slow", "one").subject == digest


@pytest.mark.parametrize(
    ("hours", "who", "why", "reported"),
    [
        pytest.param(-1, "tess", "the holidays are near", "ends after it begins and after now", id="over already"),
        pytest.param(1, "", "the holidays are near", "needs a name and", id="by nobody"),
        pytest.param(1, "tess", "because", "in 3 words or more, a reason", id="for no reason"),
    ],
)
def test_a_freeze_has_an_end_a_name_and_a_reason(
    hours: int, who: str, why: str, reported: str, settings: Settings
) -> None:
    with pytest.raises(RequestError, match=reported):
        freeze.freeze("taxi", datetime.now(UTC), datetime.now(UTC) + timedelta(hours=hours), who, why)


@pytest.mark.parametrize(
    ("who", "why"), [("", "they are over now"), ("bob", ""), ("bob", "over")], ids=["by nobody", "empty", "no reason"]
)
def test_the_end_of_a_freeze_has_a_name_and_a_reason(who: str, why: str, settings: Settings) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    freeze.freeze("taxi", datetime.now(UTC), soon, "tess", "the holidays are near")
    with pytest.raises(RequestError, match="the end of a freeze needs a name and, in 3 words or more, a reason"):
        freeze.unfreeze("taxi", who, why)
    assert freeze.active_freeze(StepContext.load("taxi")) is not None


@pytest.mark.servers
def test_a_drill_times_a_rollback_and_touches_nobodys_traffic(settings: Settings) -> None:
    before, digest = champion(settings), at_half(settings)
    assert drill.drill("taxi") is None
    night(1)
    night(2)
    routing = routed(settings)
    drilled = drill.drill("taxi")
    assert drilled is not None
    assert drilled.digest == before
    assert 0 < drilled.seconds < drill.MAX_SECONDS
    assert (champion(settings), routed(settings)) == (digest, routing)
    last = periods.parse(NIGHTS[2]).last
    result = warehouse.metrics(warehouse.engine(settings.warehouse_url), "taxi", last, last)
    assert [each.value for each in result if each.metric == drill.METRIC] == [drilled.seconds]
