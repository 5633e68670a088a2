import pytest
import typer

from include.cli.console import report_errors
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
