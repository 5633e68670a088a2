from dataclasses import replace

import pytest

from include.settings import Settings
from include.stores.feature_store import addresses
from ml.errors import SetupError


def at(home: Settings, url: str) -> Settings:
    return replace(home, online_store_url=url)


def reported(connection: str) -> list[str]:
    return [part for part in connection.split(",") if not part.startswith("socket_")]


def test_by_default_there_is_none(home: Settings) -> None:
    assert not addresses.has_online_store(home)
    assert addresses.online_store_config(home, "taxi") is None
    assert addresses.redacted_url(home) == ""


def test_sqlite_is_a_database_in_the_feature_stores_folder(home: Settings) -> None:
    from feast.infra.online_stores.sqlite import SqliteOnlineStoreConfig  # seconds of CPU, not for every worker

    result = SqliteOnlineStoreConfig(**addresses.online_store_config(at(home, "sqlite"), "taxi"))
    assert result.path == str(home.feature_store / "taxi" / "online.db")
    assert addresses.redacted_url(at(home, "sqlite")) == "sqlite"


@pytest.mark.parametrize(
    ("url", "expected", "shown"),
    [
        pytest.param("redis://cache", ["cache:6379", "db=0", "ssl=false"], "redis://cache:6379/0", id="a host"),
        pytest.param(
            "redis://cache:7000/3", ["cache:7000", "db=3", "ssl=false"], "redis://cache:7000/3", id="a number"
        ),
        pytest.param(
            "rediss://ann:secret@cache",
            ["cache:6379", "db=0", "ssl=true", 'username="ann"', 'password="secret"'],
            "rediss://cache:6379/0",
            id="a person, with TLS",
        ),
        pytest.param(
            "redis://:a%2Cb%3D1%40@cache",
            ["cache:6379", "db=0", "ssl=false", r'password="a\u002cb=1@"'],
            "redis://cache:6379/0",
            id="a password with a comma",
        ),
        pytest.param(
            "redis://:0123@cache",
            ["cache:6379", "db=0", "ssl=false", 'password="0123"'],
            "redis://cache:6379/0",
            id="a password of digits",
        ),
    ],
)
def test_an_address_is_told_to_feast_with_its_credentials_and_shown_without(
    home: Settings, url: str, expected: list[str], shown: str
) -> None:
    assert reported(addresses.online_store_config(at(home, url), "taxi")["connection_string"]) == expected
    assert addresses.redacted_url(at(home, url)) == shown


@pytest.mark.parametrize(
    "url",
    [
        "memcached://x",
        "sqlite://",
        "redis://",
        "redis://cache:port",
        "redis://cache/first",
        "cache:6379",
        "redis://[::1",
    ],
)
def test_what_is_no_address_is_refused(home: Settings, url: str) -> None:
    with pytest.raises(
        SetupError, match=r"expected RATCHET_ONLINE_STORE_URL to be empty .no online store., sqlite, or redis://"
    ):
        addresses.online_store_config(at(home, url), "taxi")


def test_a_refusal_does_not_tell_the_password(home: Settings) -> None:
    with pytest.raises(SetupError) as refused:
        addresses.online_store_config(at(home, "redis://:secret@cache:port"), "taxi")
    assert "secret" not in str(refused.value)


def test_other_errors_go_through_untouched(home: Settings) -> None:
    with pytest.raises(KeyError), addresses.translate_errors(home):
        raise KeyError
