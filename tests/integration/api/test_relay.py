"""Files and parts of uploads at the API's own address, for clients that cannot reach S3."""

from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from pipeline import bootstrap
from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.core.settings import Settings
from tests.browser.conftest import serving
from tests.fakes.seed import Seed

FILE = bytes(range(256)) * 16_000  # 4 MB: several chunks


@pytest.fixture
def settings(stored: Settings) -> Settings:
    return stored.model_copy(update={"relay": True})


@pytest.fixture
def seed(settings: Settings, tmp_path) -> Seed:
    return Seed.of(settings, tmp_path)


@pytest.fixture
def site(settings, seed):
    with serving(create_app(settings=settings, catalog=seed.catalog)) as address:
        yield address


@pytest.fixture
def http(site):
    with httpx.Client(base_url=site, trust_env=False) as client:
        yield client


def mp4_of(http, upload):
    stages = http.get(f"/videos/{upload.video_id}").json()["stages"]
    return next(one for stage in stages for one in stage["artifacts"] if one["role"] == "mp4")


@pytest.fixture
def mp4(http, seed):
    """The address of a file, as the API gives it."""
    upload = seed.upload("clip.mp4")
    seed.transcode(upload, mp4=FILE)
    return mp4_of(http, upload)["url"]


def test_the_original_is_downloaded_under_its_name(http, seed, settings):
    upload = seed.upload("clip.mp4")
    aws.client("s3").put_object(
        Bucket=settings.names.uploads_bucket, Key=upload.key, Body=FILE, ContentType="text/html"
    )
    address = http.get(f"/videos/{upload.video_id}").json()["original_url"]
    assert address.startswith("/files/")
    answer = http.get(address)
    assert answer.content == FILE
    assert answer.headers["Content-Disposition"] == 'attachment; filename="clip.mp4"'
    assert answer.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 200),
        ({"Range": "bytes=0-"}, 206),
        ({"Range": "bytes=1000000-3500000"}, 206),
        ({"Range": "bytes=-5"}, 206),
        ({"Range": "bytes=9999999-"}, 416),
        ({"If-None-Match": "ETAG"}, 304),
        ({"If-None-Match": '"another"'}, 200),
        ({"If-Match": '"another"'}, 412),
        ({"Range": "bytes=5-9", "If-Range": "ETAG"}, 206),
    ],
    ids=str,
)
def test_a_file_is_answered_as_s3_answers(http, aws_env, mp4, asked, status):
    assert mp4.startswith("/files/")
    direct = aws_env + mp4.removeprefix("/files")
    etag = httpx.get(direct, headers={"Range": "bytes=0-0"}, trust_env=False).headers["ETag"]
    asked = {name: etag if value == "ETAG" else value for name, value in asked.items()}
    theirs = httpx.get(direct, headers=asked, trust_env=False)
    ours = http.get(mp4, headers=asked)
    bare = http.head(mp4, headers=asked)
    assert (ours.status_code, bare.status_code) == (status, status)
    assert bare.content == b""
    names = ("Accept-Ranges", "Cache-Control", "Content-Length", "Content-Range", "ETag")
    if status < 400:
        assert theirs.status_code == status
        assert ours.content == theirs.content
        for name in (*names, "Content-Type", "Last-Modified"):
            wanted = theirs.headers.get(name)
            if (status, name) == (206, "Cache-Control"):
                wanted = "no-store"  # see Relay
            assert ours.headers.get(name) == wanted, name
            assert bare.headers.get(name) == wanted, name
    else:
        assert ours.headers["Content-Type"] == "application/problem+json"
    if status == 206:
        assert len(ours.content) == int(ours.headers["Content-Length"])
    assert "Content-Encoding" not in ours.headers


def test_only_what_s3_signed_is_served(http, mp4, settings):
    path, query = mp4.split("?")
    other = path.replace(settings.names.artifacts_bucket, "another-bucket")
    for address, status in (
        (path, 403),
        (f"{path}?{query}1", 403),
        (f"{path}x?{query}", 403),
        (mp4.replace("X-Amz-Expires=", "X-Amz-Expires=9"), 403),
        (f"{other}?{query}", 404),
        (f"/files/?{query}", 404),
    ):
        answer = http.get(address)
        assert answer.status_code == status, address
        assert answer.json()["code"] in {"not_signed", "unknown_file"}
        assert "Signature" not in answer.text
    assert http.request("DELETE", mp4).status_code == 405
    assert http.put(mp4, content=b"x").status_code == 403
    assert http.put(mp4, content=iter([b"x"])).status_code == 411


def test_a_file_is_saved_under_its_name(http, seed):
    upload = seed.upload("clip 映画.mp4")
    seed.transcode(upload, mp4=b"the mp4")
    saved = http.get(mp4_of(http, upload)["download_url"])
    assert saved.content == b"the mp4"
    assert saved.headers["Content-Disposition"].startswith("attachment; filename=")


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "text/javascript", "a"])
def test_nothing_that_an_uploader_sent_runs_at_our_origin(http, settings, kind):
    s3, bucket = aws.client("s3"), settings.names.uploads_bucket
    s3.put_object(Bucket=bucket, Key="videos/a", Body=b"<script>", ContentType=kind)
    given = {"Bucket": bucket, "Key": "videos/a", "ResponseContentType": kind}
    url = urlsplit(s3.generate_presigned_url("get_object", Params=given))
    answer = http.get(f"/files{url.path}?{url.query}")
    assert answer.content == b"<script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_playlists_and_storyboards_name_files_below_any_prefix(http, seed):
    upload = seed.upload("clip.mp4")
    seed.transcode(upload)
    seed.thumbnail(upload)
    links = http.get(f"/videos/{upload.video_id}").json()["links"]

    def follow(link: str, line: str) -> bytes:
        """Fetch what a line names, as a client behind a proxy with a prefix resolves it."""
        found = urlsplit(urljoin(f"http://proxy/a/b{link}", line.partition("#")[0]))
        assert found.path.startswith("/a/b/")
        return http.get(f"{found.path.removeprefix('/a/b')}?{found.query}").content

    sheet = http.get(links["storyboard"]).text.splitlines()[-1]
    assert follow(links["storyboard"], sheet) == b"jpeg"
    master = http.get(links["playlist"]).text.splitlines()[-1]
    media = urljoin(links["playlist"], master)
    assert follow(links["playlist"], master).startswith(b"#EXTM3U")
    assert follow(media, http.get(media).text.splitlines()[-2]) == b"initsegment"


def test_a_file_of_40_mb_is_uploaded_from_another_device(http, settings):
    body = b"video" * (8 << 20)
    new = http.post("/uploads", json={"name": "a.mp4", "size": len(body)}).json()
    for part in new["parts"]:
        assert part["url"].startswith("/files/")
        piece = body[part["start"] : part["start"] + part["size"]]
        assert http.put(part["url"], content=piece[:-1]).status_code == 403
        assert http.put(part["url"], content=piece).status_code == 200
    assert http.post(new["links"]["complete"]).json()["state"] == "completed"
    kept = aws.client("s3").get_object(Bucket=settings.names.uploads_bucket, Key=new["key"])
    assert kept["Body"].read() == body


def test_without_the_setting_clients_ask_s3_itself(stored, seed, aws_env):
    artifacts = bootstrap.artifacts(stored)
    assert artifacts.url("a").startswith(aws_env)
    with serving(create_app(settings=stored, catalog=seed.catalog, artifacts=artifacts)) as site:
        path = f"/files/{stored.names.artifacts_bucket}/a"
        assert httpx.get(site + path, trust_env=False).json()["code"] == "unknown_route"
