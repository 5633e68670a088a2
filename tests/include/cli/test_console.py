import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from include.cli import main
from include.cli.console import ModelName, report_errors, takes_horizon
from ml.errors import DataError


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (DataError("expected [b]3[/b] rows, got 2"), 1, "expected [b]3[/b] rows, got 2"),
        (KeyboardInterrupt(), 130, "interrupted; run the same command again to continue"),
    ],
    ids=["a refusal", "Ctrl-C"],
)
def test_a_command_ends_with_a_sentence_and_a_code(
    raised: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @report_errors
    def command() -> None:
        raise raised

    with pytest.raises(typer.Exit) as ended:
        command()
    assert ended.value.exit_code == code
    assert said in capsys.readouterr().err


def test_a_fault_of_the_program_is_not_made_a_sentence() -> None:
    @report_errors
    def command() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "rides True"),
        (["flights"], "flights True"),
        (["flights", "--horizon", "live"], "flights-live True"),
        (["--horizon", "live"], "rides-live True"),
        (["flights-live", "--horizon", "live", "--no-dry"], "flights-live False"),
        (["flights", "--horizon", "night"], "flights True"),
    ],
)
def test_a_horizon_names_the_model_of_the_use_case(arguments: list[str], expected: str) -> None:
    assert CliRunner().invoke(with_a_horizon(), arguments).output == f"{expected}\n"


def test_two_horizons_are_refused() -> None:
    done = CliRunner().invoke(with_a_horizon(), ["flights-live", "--horizon", "night"])
    assert done.exit_code == 1
    assert done.stderr == "expected one horizon, got the model flights-live and --horizon night\n"


def with_a_horizon() -> typer.Typer:
    app = typer.Typer()

    @app.command()
    @takes_horizon
    @report_errors
    def command(use_case: ModelName = "rides", *, dry: bool = True) -> None:
        typer.echo(f"{use_case} {dry}")

    return app


MODELS = ("champion", "rollback", "freeze", "unfreeze", "explain", "backtest", "queue", "scores", "publish", "override")


@pytest.mark.parametrize("name", MODELS)
def test_commands_on_a_model_take_a_horizon(name: str) -> None:
    command = typer.main.get_command(main.app)
    assert isinstance(command, TyperGroup)
    assert "horizon" in {each.name for each in command.commands[name].params}
