"""A folder and a bucket are the same place to whoever reads: names, whole bytes, and a sentence when they do not come."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from include.stores.files import locations
from include.stores.landing import Location
from ml.errors import DataError, SetupError
from tests.faults import Fault, Faults


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    return locations.from_address(request.getfixturevalue("bucket") if request.param == "bucket" else str(tmp_path))


def fetched(place: Location, name: str = "rides.csv") -> bytes:
    with TemporaryDirectory() as folder:
        return place.fetch(name, Path(folder)).read_bytes()


@pytest.mark.parametrize("address", ["gs://bucket/x", "file:///srv/x", "s3://", "s3://u:sekret@b/p", "S3://b/p"])
def test_an_address_of_another_kind_is_not_taken_for_a_folder(address: str) -> None:
    with pytest.raises(SetupError, match="to be a folder or s3://bucket/prefix, got ") as refused:
        locations.from_address(address)
    assert "sekret" not in str(refused.value)


def test_what_was_put_is_named_and_fetched_whole(place: Location) -> None:
    night = place.child("taxi").child("2013-02-08")
    night.put("rides.csv", b"who\nann\n")
    night.put("empty.csv", b"")
    night.child("deeper").put("other.csv", b"x")
    assert sorted(night.names()) == ["empty.csv", "rides.csv"]
    assert (fetched(night, "rides.csv"), fetched(night, "empty.csv")) == (b"who\nann\n", b"")


def test_a_place_is_made_ready_to_land_in_as_often_as_one_likes(place: Location) -> None:
    night = place.child("taxi").child("2013-02-08")
    for _ in range(2):
        night.ensure_exists()
    assert night.names() == []
    assert isinstance(night, locations.Bucket) or night.path.is_dir()  # type: ignore[attr-defined]


def test_a_night_of_which_nothing_landed_has_no_names(place: Location) -> None:
    place.child("2013-02-08").put("rides.csv", b"x")
    assert place.child("2013-02-0").names() == []


def test_a_file_is_told_from_a_changed_one_as_long_as_it_without_being_read(place: Location) -> None:
    place.put("rides.csv", b"yes")
    first = place.file_versions()
    assert place.file_versions() == first
    place.put("rides.csv", b"no.")
    assert place.file_versions().keys() == first.keys()
    assert place.file_versions() != first


def test_places_below_are_told_from_the_first_to_the_last_with_their_own_files_alone(place: Location) -> None:
    for night in ("2013-02-07", "2013-02-08", "2013-02-08..2013-02-09", "2013-02-10", "2013-02-11", "intraday"):
        place.child(night).put("rides.csv", night.encode())
        place.child(night).child("deeper").put("other.csv", b"x")
    place.put("notes.txt", b"of no night")
    result = place.entries_by_child("2013-02-08", "2013-02-10")
    readable = {night: {name for name, each in held.items() if not each.fault} for night, held in result.items()}
    nights = ("2013-02-08", "2013-02-08..2013-02-09", "2013-02-10")
    assert readable == {night: {"rides.csv"} for night in nights}
    for night, held in result.items():
        assert held["rides.csv"].version == place.child(night).file_versions()["rides.csv"]
    assert place.child("nowhere").entries_by_child("", "9999") == {}


def test_a_file_that_is_gone_is_named(place: Location) -> None:
    with pytest.raises(DataError, match=r"expected the (file|object) .*rides.csv, but it is gone; land it"):
        fetched(place)


def test_a_file_past_the_bound_is_refused_before_it_is_read(place: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put("rides.csv", b"123456")
    monkeypatch.setattr(locations, "LARGEST_FILE", 5)
    with pytest.raises(DataError, match=r"rides.csv: expected files of at most 5 bytes, got 6; land it in parts"):
        fetched(place)


class _Cut(http.server.BaseHTTPRequestHandler):
    """Promises ten bytes, and sends fewer until `whole_from` requests were made."""

    asked, whole_from = 0, 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"0123456789" if self.asked >= self.whole_from else b"01234")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def cutting(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Cut]]:
    class Cut(_Cut):
        """This test's own count."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cut) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        locations.s3_client.cache_clear()
        yield Cut
        locations.s3_client.cache_clear()
        server.shutdown()


def test_a_body_cut_once_is_fetched_again(cutting: type[_Cut]) -> None:
    cutting.whole_from = 2
    assert fetched(locations.from_address("s3://ratchet/in")) == b"0123456789"


def test_a_body_that_is_always_cut_is_never_taken_for_whole(cutting: type[_Cut]) -> None:
    cutting.whole_from = 99
    with pytest.raises(DataError, match=r"s3://ratchet/in/rides.csv was incomplete in 3 downloads"):
        fetched(locations.from_address("s3://ratchet/in"))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that waits a second for an answer, and asks twice."""
    monkeypatch.setattr(locations, "_ANSWER_SECONDS", 1)
    monkeypatch.setattr(locations, "_ATTEMPTS", 2)
    locations.s3_client.cache_clear()


@pytest.mark.servers
@pytest.mark.parametrize(
    ("method", "coming"),
    [
        pytest.param("GET", (Fault.BUSY, Fault.BUSY), id="busy twice when it is fetched"),
        pytest.param("GET", (Fault.CUT,), id="cut on its way"),
        pytest.param("GET", (Fault.LOST,), id="its reply lost"),
        pytest.param("PUT", (Fault.BUSY, Fault.BUSY), id="busy twice when it lands"),
        pytest.param("PUT", (Fault.LOST,), id="the reply to its landing lost"),
    ],
)
def test_a_file_comes_whole_through_what_passes(
    faults: Faults, bucket: str, method: str, coming: tuple[Fault, ...]
) -> None:
    place, content = locations.from_address(bucket), b"0123456789" * 1000
    if method == "GET":
        place.put("rides.csv", content)
    faults.inject(method, "rides.csv", *coming)
    if method == "PUT":
        place.put("rides.csv", content)
    assert fetched(place) == content
    assert faults.clear() == len(coming)
    assert place.names() == ["rides.csv"]


@pytest.mark.servers
@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        pytest.param(Fault.BUSY, SetupError, "expected the bucket to answer at s3://.*SlowDown.*again", id="busy"),
        pytest.param(Fault.HANG, SetupError, "expected the bucket to answer at s3://.*[Tt]imed? ?out", id="no answer"),
        pytest.param(Fault.LOST, SetupError, "expected the bucket to answer at s3://.*closed", id="no reply"),
        pytest.param(Fault.CUT, DataError, "rides.csv was incomplete in 3 downloads", id="cut"),
    ],
)
def test_a_file_that_never_comes_is_told_and_no_half_is_taken(
    faults: Faults, bucket: str, impatient: None, fault: Fault, error: type[Exception], said: str
) -> None:
    locations.from_address(bucket).put("rides.csv", b"0123456789")
    faults.inject("GET", "rides.csv", always=fault)
    with pytest.raises(error, match=said):
        fetched(locations.from_address(bucket))
    assert faults.clear() >= 2


@pytest.mark.servers
@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.HANG])
def test_a_bucket_that_cannot_be_looked_through_is_not_taken_for_empty(
    faults: Faults, bucket: str, impatient: None, fault: Fault
) -> None:
    faults.inject("GET", "list-type=2", always=fault)
    with pytest.raises(SetupError, match="expected the bucket to answer at s3://"):
        locations.from_address(bucket).names()
