"""What the machine lacks is a sentence with its path and what to do; a bug is none."""

import errno
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from include.settings import Settings
from include.stores import failures, warehouse
from ml.errors import SetupError


def chained(inner: BaseException) -> BaseException:
    try:
        try:
            raise inner
        except BaseException as error:
            raise RuntimeError("on the way") from error
    except RuntimeError as error:
        return error


def of_sqlite(text: str) -> BaseException:
    return sa.exc.OperationalError("INSERT ...", {}, sqlite3.OperationalError(text))


DELTA = "Generic LocalFileSystem error: Unable to open file /data/lake/x.parquet: {} (os error {})"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(OSError(errno.ENOSPC, "", "/data/x"), "the disk of /data/x is full: free space", id="full"),
        pytest.param(OSError(errno.EDQUOT, "", "/data/x"), "the quota of the disk of /data/x", id="quota"),
        pytest.param(OSError(errno.ENOSPC, ""), "is full: free space", id="full, without a path"),
        pytest.param(PermissionError(errno.EACCES, "", "/data/x"), "may not use /data/x (/", id="no permission"),
        pytest.param(PermissionError(errno.EPERM, "", b"/data/x"), "may not use /data/x (/", id="not the owner"),
        pytest.param(OSError(errno.EROFS, "", "/data/x"), "/data/x is on a disk that is mounted read-only", id="ro"),
        pytest.param(NotADirectoryError(errno.ENOTDIR, "", "/x/y"), "a part of /x/y is a file", id="not a folder"),
        pytest.param(OSError(errno.ENAMETOOLONG, "", "/x"), "longer than a name may be", id="long"),
        pytest.param(OSError(errno.ELOOP, "", "/x"), "links that lead to each other", id="loop"),
        pytest.param(OSError(errno.EIO, "", "/x"), "the disk of /x reports an error", id="broken disk"),
        pytest.param(OSError(errno.EADDRINUSE, ""), "the address is in use", id="a port"),
        pytest.param(OSError(DELTA.format("No space left on device", 28)), "/data/lake/x.parquet is full", id="Delta"),
        pytest.param(
            Exception(DELTA.format("Permission denied", 13)), "may not use /data/lake/x.parquet", id="Delta, permission"
        ),
        pytest.param(chained(OSError(errno.ENOSPC, "", "/data/x")), "the disk of /data/x is full", id="a cause"),
        pytest.param(of_sqlite("database or disk is full"), "warehouse.db is full", id="a full database"),
        pytest.param(of_sqlite("database is locked"), "warehouse.db was locked by another process", id="a lock"),
        pytest.param(of_sqlite("attempt to write a readonly database"), "may not use /", id="a read-only database"),
        pytest.param(of_sqlite("unable to open database file"), "may not use /", id="a database that cannot be opened"),
        pytest.param(of_sqlite("file is not a database"), "warehouse.db is damaged", id="no database"),
        pytest.param(sqlite3.OperationalError("disk is full or database is locked"), "locked", id="of the driver"),
    ],
)
def test_what_a_machine_lacks_is_a_sentence(home: Settings, error: BaseException, said: str) -> None:
    sentence = failures.explain(error)
    assert sentence is not None
    assert said in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a bug"),
        KeyError("column"),
        OSError("no number"),
        FileNotFoundError(errno.ENOENT, "a bug without a path"),
        sa.exc.IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE constraint failed")),
    ],
)
def test_a_bug_keeps_its_traceback(error: BaseException) -> None:
    assert failures.explain(error) is None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("u:secret@127.0.0.1/x", "got one that cannot be read, and is not shown"),
        ("", "cannot be read"),
        ("postgresql://u:secret@h:port/db", "got 'postgresql' and more that cannot be read"),
        ("mysql://u:secret@h/db", "got one of 'mysql'"),
        ("oracle+what://u:secret@h/db", "got one of 'oracle'"),
        ("postgresql+nodriver://u:secret@h/db", "the driver of 'postgresql+nodriver', which is not installed"),
        ("sqlite://", "without a file"),
        ("sqlite:///:memory:", "without a file"),
    ],
)
@pytest.mark.parametrize("call", [warehouse.engine, warehouse.exists, warehouse.migrate, warehouse.open_existing])
def test_an_address_that_cannot_be_a_warehouse_is_refused_without_its_password(
    call: object, url: str, said: str
) -> None:
    with pytest.raises(SetupError, match="expected RATCHET_WAREHOUSE_URL to be sqlite:///<file>") as reported:
        call(url)  # type: ignore[operator]
    assert said in str(reported.value)
    assert "secret" not in str(reported.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "warehouse.db").write_bytes(b"no database" * 1000)
    with pytest.raises(SetupError, match=r"warehouse\.db cannot be read: file is not a database"):
        warehouse.exists(f"sqlite:///{tmp_path / 'warehouse.db'}")
