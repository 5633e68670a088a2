"""Where things are comes from the environment, once."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from include.serving.config import ServingConfig
from include.settings import PROJECT, Settings, load_settings, read_settings
from ml.errors import SetupError


@pytest.fixture(autouse=True)
def fresh() -> None:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_everything_rests_under_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path))
    result = load_settings()
    places = (
        Path(result.landing),
        Path(result.lake),
        result.packages,
        result.trusted_keys,
        result.feature_store,
        result.reports,
        result.secrets,
        result.airflow_home,
    )
    assert all(place.is_relative_to(tmp_path) for place in places)
    assert str(tmp_path) in result.warehouse_url
    assert str(tmp_path) in result.mlflow_url


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        pytest.param("RATCHET_LAKE", "/elsewhere", "lake", "/elsewhere", id="a folder"),
        pytest.param("RATCHET_FEATURE_STORE", "/shelf", "feature_store", Path("/shelf"), id="another folder"),
        pytest.param("RATCHET_ONLINE_STORE_URL", "redis://r", "online_store_url", "redis://r", id="a server"),
        pytest.param("RATCHET_WAREHOUSE_URL", "postgresql://w", "warehouse_url", "postgresql://w", id="an address"),
        pytest.param("RATCHET_AIRFLOW_PORT", "9999", "airflow_port", 9999, id="a port"),
        pytest.param("RATCHET_THREADS", "1", "threads", 1, id="a count"),
    ],
)
def test_each_has_a_variable_of_its_own(
    name: str, value: str, field: str, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(load_settings(), field) == expected


@pytest.mark.parametrize(
    ("name", "value", "reported"),
    [
        pytest.param("AIRFLOW_PORT", "http", "from 1 to 65535, got 'http'$", id="a word"),
        pytest.param("AIRFLOW_PORT", "", "from 1 to 65535, got ''$", id="nothing"),
        pytest.param("AIRFLOW_PORT", " 8080", "from 1 to 65535, got ' 8080'$", id="white space"),
        pytest.param("AIRFLOW_PORT", "-1", "from 1 to 65535, got '-1'$", id="a sign"),
        pytest.param("AIRFLOW_PORT", "0", "from 1 to 65535, got '0'$", id="port 0"),
        pytest.param("MLFLOW_PORT", "65536", "from 1 to 65535, got '65536'$", id="past the last port"),
        pytest.param("AIRFLOW_PORT", "9" * 5000, r"from 1 to 65535, got '9{100}'\.\.\.$", id="5000 digits"),
        pytest.param("AIRFLOW_PORT", "\u0668\u0660", "from 1 to 65535, got ", id="digits of another script"),
        pytest.param("THREADS", "0", "from 1 to 1024, got '0'$", id="no thread"),
        pytest.param("THREADS", "\u00b2", "from 1 to 1024, got ", id="a superscript"),
        pytest.param("LOG_DAYS", "0", "from 1 to 36500, got '0'$", id="no day"),
        pytest.param("LOG_DAYS", "9" * 12, "from 1 to 36500, got '9{12}'$", id="days past any date"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_by_name_and_bounds(name: str, value: str, reported: str) -> None:
    with pytest.raises(SetupError, match=f"^expected RATCHET_{name} to be a whole number {reported}"):
        read_settings({f"RATCHET_{name}": value})


@pytest.mark.parametrize(("value", "port"), [("1", 1), ("65535", 65535), ("0" * 5000 + "80", 80)])
def test_every_number_within_the_bounds_is_taken(value: str, port: int) -> None:
    assert read_settings({"RATCHET_AIRFLOW_PORT": value}).airflow_port == port


@pytest.mark.parametrize("name", ["LANDING", "LAKE"])
@pytest.mark.parametrize(
    ("value", "reported"),
    [
        pytest.param("gs://bucket/x", "a folder or s3://bucket/prefix, got gs://bucket/x$", id="another cloud"),
        pytest.param("http://h/x", "a folder or s3://bucket/prefix, got http://h/x$", id="a server"),
        pytest.param("file:///srv/x", "a folder or s3://bucket/prefix, got file:///srv/x$", id="a file's address"),
        pytest.param("S3://b/p", "a folder or s3://bucket/prefix, got S3://b/p$", id="capitals"),
        pytest.param("s3:/b/p", "a folder or s3://bucket/prefix, got s3:/b/p$", id="one slash"),
        pytest.param("s3://", "a folder or s3://bucket/prefix, got s3://$", id="no bucket"),
        pytest.param("s3://u:sekret@b/p", "a folder or s3://bucket/prefix, got s3:... with a user", id="a password"),
        pytest.param(
            "s3://u:sek/ret@b/p", "a folder or s3://bucket/prefix, got s3:... with a user", id="a slash in it"
        ),
        pytest.param("gs://u:sekret@b/p", "a folder or s3://bucket/prefix, got gs:... with a user", id="elsewhere"),
        pytest.param("", "name a folder, got ''", id="nothing"),
        pytest.param(" ", "name a folder, got ' '", id="white space"),
        pytest.param("~nobody-of-this-name/x", "name a folder, got '~nobody", id="nobody's home"),
    ],
)
def test_what_is_neither_a_folder_nor_a_bucket_is_refused(name: str, value: str, reported: str) -> None:
    with pytest.raises(SetupError, match=f"^expected RATCHET_{name} to (be )?{reported}") as refused:
        read_settings({f"RATCHET_{name}": value})
    assert "sek" not in str(refused.value)


@pytest.mark.parametrize("name", [field.name for field in fields(Settings) if field.type is Path])
@pytest.mark.parametrize("value", ["", " ", "s3://bucket/x"])
def test_every_folder_is_one(name: str, value: str) -> None:
    with pytest.raises(SetupError, match=f"^expected RATCHET_{name.upper()} to (be|name) a folder, got "):
        read_settings({f"RATCHET_{name.upper()}": value})


@pytest.mark.parametrize(
    "name", [field.name for field in fields(Settings) if field.type is Path or field.name in ("landing", "lake")]
)
def test_a_tilde_is_the_home_of_the_user_for_every_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Path(getattr(read_settings({f"RATCHET_{name.upper()}": "~/x"}), name)) == tmp_path / "x"


def test_a_relative_folder_and_a_bucket_stay_as_they_are() -> None:
    result = read_settings({"RATCHET_LANDING": "in/x", "RATCHET_LAKE": "s3://bucket/~x", "RATCHET_PACKAGES": "out"})
    assert (result.landing, result.lake, result.packages) == ("in/x", "s3://bucket/~x", Path("out"))


def test_a_value_may_stand_in_a_file_and_the_variable_itself_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "url").write_text("postgresql://in-a-file\n")
    monkeypatch.setenv("RATCHET_WAREHOUSE_URL_FILE", str(tmp_path / "url"))
    assert load_settings().warehouse_url == "postgresql://in-a-file"
    load_settings.cache_clear()
    monkeypatch.setenv("RATCHET_WAREHOUSE_URL", "postgresql://said")
    assert load_settings().warehouse_url == "postgresql://said"


def test_a_file_that_is_not_there_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATCHET_WAREHOUSE_URL_FILE", "/nowhere")
    with pytest.raises(SetupError, match="named by RATCHET_WAREHOUSE_URL_FILE, but: .*'/nowhere'"):
        load_settings()


@pytest.mark.parametrize("name", ["WAREHOUSE_URL", "NOTIFY_URLS", "LANDING", "AIRFLOW_PORT"])
def test_a_file_that_is_no_text_is_named_without_its_bytes(name: str, tmp_path: Path) -> None:
    (tmp_path / "value").write_bytes(b"\xff\xfe\x00sekret")
    reported = f"named by RATCHET_{name}_FILE, but: '{tmp_path}/value' is not UTF-8 text"
    with pytest.raises(SetupError, match=reported) as refused:
        read_settings({f"RATCHET_{name}_FILE": str(tmp_path / "value")})
    assert "sekret" not in str(refused.value)
    assert refused.value.__cause__ is refused.value.__context__ is None


def test_the_example_names_every_setting_and_nothing_that_nobody_reads() -> None:
    example = (PROJECT / ".env.example").read_text()
    named = set(re.findall(r"^#(RATCHET_[A-Z_]+)=", example, re.MULTILINE))
    read = {f"RATCHET_{field.name.upper()}" for field in fields(Settings)}
    said = "".join(
        path.read_text() for ring in ("include", "plugins", "tests/stack") for path in (PROJECT / ring).rglob("*.py")
    )
    said += (PROJECT / "docker-compose.yml").read_text()
    limits = {f"RATCHET_SERVING_{field.name.upper()}" for field in fields(ServingConfig)}
    assert read <= named
    assert {name for name in named - read - limits if name not in said} == set()


def test_the_example_names_every_variable_of_the_stack() -> None:
    asked = set(re.findall(r"\$\{(RATCHET_[A-Z0-9_]+)", (PROJECT / "docker-compose.yml").read_text()))
    built = {"RATCHET_COMMIT", "RATCHET_CODE"}
    example = (PROJECT / ".env.example").read_text()
    assert {name for name in asked - built if f"#{name}=" not in example} == set()
