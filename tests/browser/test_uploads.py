"""Files that people drop on the page, or choose, reach the bucket whole."""

import contextlib
import random
import re
from pathlib import Path

import pytest
from playwright.sync_api import Error, expect

from pipeline.aws import clients as aws
from pipeline.core import content

pytestmark = pytest.mark.browser


# Files as a drop of the file manager has them.
DROP = """
({names}) => {
  const transfer = new DataTransfer();
  for (const [name, text] of Object.entries(names)) transfer.items.add(new File([text], name));
  for (const type of ["dragenter", "dragover", "drop"])
    dispatchEvent(new DragEvent(type, {dataTransfer: transfer, cancelable: true}));
}
"""


@pytest.fixture
def films(tmp_path):
    """Three files, one of 40 MB, whose bytes compress no more than a video's."""
    found = {}
    for name, size in (("small.mp4", 3000), ("large.mp4", 40 << 20), ("empty.mp4", 0)):
        found[name] = tmp_path / name
        found[name].write_bytes(random.Random(name).randbytes(size))  # noqa: S311
    return found


@pytest.fixture
def bucket(stored):
    def kept() -> dict[str, bytes]:
        """Return what was uploaded, by the last part of the key."""
        s3, name = aws.client("s3"), stored.names.uploads_bucket
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=name).get("Contents", [])]
        return {
            key.rpartition("/")[2]: s3.get_object(Bucket=name, Key=key)["Body"].read()
            for key in keys
        }

    return kept


def choose(page, *paths: Path, button: str = "Upload videos") -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=button, exact=True).first.click()
    chooser.value.set_files(paths)


def stall(_) -> None:
    """Leave a request without an answer."""


def part_stored(page, number):
    """Expect the answer to a part of an upload; its bytes count as sent before that."""
    return page.expect_response(lambda one: f"partNumber={number}&" in one.url and one.ok)


def killed(page):
    """Return a page whose process has ended; closing it would let a stalled request go on."""
    with page.expect_event("crash"), contextlib.suppress(Error):
        page.goto("chrome://crash")
    return page


def rows(page):
    return page.get_by_role("region", name="Uploads").locator("li")


def test_an_upload_goes_on_after_the_page_was_killed_and_sends_only_missing_parts(
    page, films, bucket
):
    page.goto("/")
    page.route(re.compile(r"large\.mp4\?.*partNumber=2&"), stall)
    choose(page, *films.values())
    expect(rows(page).filter(has_text="Uploaded")).to_have_count(2)
    expect(rows(page).filter(has_text="large.mp4")).to_contain_text("16.8 MB of 41.9 MB")
    assert sorted(bucket()) == ["empty.mp4", "small.mp4"]
    page = killed(page).context.new_page()
    sent = []
    page.on("request", lambda asked: sent.append(asked.url) if asked.method == "PUT" else None)
    page.goto("/")
    row = rows(page).filter(has_text="large.mp4")
    expect(row).to_contain_text("Interrupted · 16.8 MB of 41.9 MB")
    choose(page, films["large.mp4"], button="Choose")
    expect(row).to_contain_text("Uploaded")
    assert len(sent) == 2
    assert bucket() == {name: path.read_bytes() for name, path in films.items()}
    page.reload()
    expect(page.get_by_role("region", name="Uploads")).to_be_hidden()
    assert page.evaluate("localStorage.getItem('videodrop.uploads')") == "[]"


def test_dropped_files_are_uploaded_and_equal_ones_not_sent_again(page, bucket):
    page.goto("/")
    sent = []
    page.on("request", lambda asked: sent.append(asked.url) if asked.method == "PUT" else None)
    page.evaluate(DROP, {"names": {"a.mp4": "film", "b.mp4": "another"}})
    expect(rows(page).filter(has_text="Uploaded")).to_have_count(2)
    page.evaluate(DROP, {"names": {"c.mp4": "film"}})
    expect(rows(page).filter(has_text="Already there")).to_have_count(1)
    assert len(sent) == 2
    assert bucket() == {"a.mp4": b"film", "b.mp4": b"another"}
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("region", name="Uploads")).to_be_hidden()


def test_the_page_computes_the_etag_that_s3_gives(page, tmp_path):
    page.goto("/")
    page.evaluate(
        "input => document.body.append(Object.assign(document.createElement('input'), input))",
        {"type": "file", "id": "x"},
    )
    for size in (0, 1, 55, 56, 64, 119, 1 << 20, (16 << 20) + 5):
        path = tmp_path / str(size)
        path.write_bytes(random.Random(size).randbytes(size))  # noqa: S311
        page.locator("#x").set_input_files(path)
        found = page.evaluate(
            "import('/web/etag.js').then(({etagOf}) =>"
            " etagOf(document.querySelector('#x').files[0], new AbortController().signal))"
        )
        assert f"{found}-{size}" in content.ids_of(path), size


def test_a_folder_gives_its_videos_with_captions_beside_them(page, tmp_path, stored):
    folder = tmp_path / "trip"
    for name in ("a.mp4", "a.de.srt", "notes.txt", ".hidden/b.mp4", "deep/c.mov"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    page.goto("/")
    choose(page, folder, button="Upload a folder")
    expect(rows(page).filter(has_text="Uploaded")).to_have_count(3)
    found = aws.client("s3").list_objects_v2(Bucket=stored.names.uploads_bucket)["Contents"]
    folders = {}
    for one in found:
        _, place, name = one["Key"].split("/")
        folders.setdefault(place, set()).add(name)
    assert sorted(map(sorted, folders.values())) == [["a.de.srt", "a.mp4"], ["c.mov"]]


def test_an_upload_is_paused_resumed_and_cancelled_by_keyboard(page, films, bucket, stored):
    page.goto("/")
    page.route(re.compile(r"large\.mp4\?.*partNumber=3&"), stall)
    with part_stored(page, 1), part_stored(page, 2):
        choose(page, films["large.mp4"])
    row = rows(page).filter(has_text="large.mp4")
    expect(row).to_contain_text("33.6 MB of 41.9 MB")
    pause = row.get_by_role("button", name="Pause large.mp4")
    pause.focus()
    pause.press("Enter")
    expect(row).to_contain_text("Paused · 33.6 MB of 41.9 MB")
    page.unroute_all(behavior="ignoreErrors")
    row.get_by_role("button", name="Resume large.mp4").press("Enter")
    expect(row).to_contain_text("Uploaded")
    assert bucket()["large.mp4"] == films["large.mp4"].read_bytes()

    other = films["small.mp4"].with_name("other.mp4")
    other.write_bytes(b"x" * (17 << 20))
    page.route(re.compile(r"other\.mp4\?.*partNumber=2&"), stall)
    choose(page, other)
    row = rows(page).filter(has_text="other.mp4")
    expect(row).to_contain_text("16.8 MB")
    row.get_by_role("button", name="Cancel other.mp4").press("Enter")
    expect(row).to_have_count(0)
    uploads = {"Bucket": stored.names.uploads_bucket}
    for _ in range(100):
        if not aws.client("s3").list_multipart_uploads(**uploads).get("Uploads"):
            break
        page.wait_for_timeout(50)
    assert not aws.client("s3").list_multipart_uploads(**uploads).get("Uploads")
    assert "other.mp4" not in bucket()


def test_a_part_that_failed_is_sent_again(page, films, bucket, complaints):
    page.goto("/")
    failures = iter([500, 403])

    def fail(route):
        if (status := next(failures, None)) is None:
            route.continue_()
        else:
            route.fulfill(status=status, headers={"Access-Control-Allow-Origin": "*"})

    page.route(re.compile(r"small\.mp4\?.*partNumber=1&"), fail)
    choose(page, films["small.mp4"])
    expect(rows(page).filter(has_text="Uploaded")).to_have_count(1)
    assert bucket() == {"small.mp4": films["small.mp4"].read_bytes()}
    complaints.clear()  # the browser's own, about the status


def test_a_file_that_is_rejected_says_why(page, tmp_path, complaints):
    (tmp_path / "a.part").write_bytes(b"half")
    page.goto("/")
    choose(page, tmp_path / "a.part")
    expect(rows(page)).to_contain_text("a.part would be ignored")
    page.get_by_role("button", name="Remove a.part").click()
    expect(page.get_by_role("region", name="Uploads")).to_be_hidden()
    complaints.clear()
