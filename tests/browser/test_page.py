"""The page as a person sees and uses it."""

import re

import pytest
from playwright.sync_api import expect

from pipeline.aws import clients as aws
from pipeline.core import outgoing
from pipeline.core.errors import BadInput
from pipeline.core.media_info import Probe
from pipeline.core.records import Spread
from pipeline.core.stage import Notice
from pipeline.runs.spread import request_of
from tests.browser.conftest import open_video, until
from tests.fakes.seed import PROBE, make_m4a

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror=alert(1)>"&lt;script&gt;'


def test_an_empty_library_explains_how_to_add_a_video_and_shows_a_new_one(page, seed, jpeg, stored):
    page.goto("/")
    expect(page.get_by_role("heading", name="Drop your first video")).to_be_visible()
    expect(page.get_by_text(f"s3://{stored.names.uploads_bucket}/videos/")).to_be_visible()
    upload = seed.upload("first.mp4")
    seed.thumbnail(upload, jpeg)
    seed.catalog.events.append(outgoing.video_uploaded(upload))
    expect(page.get_by_role("link", name="first")).to_be_visible()
    expect(page.get_by_role("heading", name="Drop your first video")).to_be_hidden()


@pytest.mark.usefixtures("ready")
def test_a_video_whose_event_comes_before_its_record_is_shown(page, seed):
    page.goto("/")
    expect(page.locator(".card")).to_have_count(1)
    upload = seed.upload("late.mp4", record=False)
    with page.expect_request(re.compile(r"/events\?video=")):  # its progress is asked for
        seed.catalog.events.append(outgoing.video_uploaded(upload))
    seed.catalog.record_upload(upload, patience_s=60)
    expect(page.get_by_role("link", name="late")).to_be_visible()


def test_a_page_that_gets_no_events_asks_from_time_to_time(page, seed, complaints):
    page.route(re.compile("/events"), lambda route: route.abort())
    page.goto("/")
    expect(page.get_by_role("heading", name="Drop your first video")).to_be_visible()
    seed.upload("first.mp4")
    expect(page.get_by_role("link", name="first")).to_be_visible()
    complaints.clear()  # about the stream


def test_the_library_shows_each_video_with_picture_length_and_labels(page, ready):
    page.goto("/")
    card = page.locator(".card")
    expect(card).to_have_count(1)
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(card.get_by_text("0:02")).to_be_visible()
    expect(card.get_by_role("link", name="dog")).to_be_visible()
    until(page, "document.querySelector('.card img').naturalWidth === 160")
    card.get_by_role("link", name="Street dance").click()
    expect(page).to_have_url(re.compile(f"#/videos/{ready}$"))
    expect(page.get_by_role("heading", name="Street dance")).to_be_visible()


def test_a_video_plays_with_captions(page, ready):
    open_video(page, ready)
    page.evaluate("document.querySelector('video').play()")
    until(page, "document.querySelector('video').currentTime > 0.2")
    cues = "document.querySelector('video').textTracks[0]"
    until(page, f"{cues}?.cues?.length === 2")
    assert page.evaluate(f"{cues}.mode") == "showing"
    assert page.evaluate("document.querySelector('video').videoWidth") == 320


def test_uploaded_captions_are_in_the_menu_and_shown_if_they_are_in_the_spoken_language(
    page, seed, stored
):
    bucket = stored.names.uploads_bucket
    video = seed.upload("talk.mp4", bucket=bucket)
    seed.transcribe(video, "Red circle here")
    for name, text in (("talk.de.srt", "Roter Kreis"), ("talk.en-GB.srt", "A red circle")):
        srt = f"1\n00:00:00,000 --> 00:00:02,000\n{text}\n".encode()
        aws.client("s3").put_object(Bucket=bucket, Key=f"videos/{name}", Body=srt)
        captions = seed.upload(name, bucket=bucket, record=False)
        seed.catalog.sidecars.attach(captions)
    page.goto(f"/#/videos/{video.video_id}")
    tracks = "[...document.querySelector('video')?.textTracks ?? []]"
    until(page, f"{tracks}.length === 3")
    found = page.evaluate(f"{tracks}.map(({{label, language, mode}}) => [label, language, mode])")
    assert sorted(found) == [
        ["British English", "en-GB", "showing"],
        ["Captions", "en", "disabled"],
        ["German", "de", "disabled"],
    ]
    shown = f"{tracks}.find(({{mode}}) => mode === 'showing')"
    until(page, f"{shown}.cues?.[0]?.text === 'A red circle'")


def test_sound_without_a_picture_plays_below_its_poster_with_a_waveform(page, seed, jpeg, tmp_path):
    upload = seed.upload("talk.mp3")
    seed.probe(upload, PROBE.model_copy(update={"video": None}))
    m4a = {"audio.m4a": ("m4a", "audio/mp4", make_m4a(tmp_path / "a.m4a"))}
    seed.succeed(upload, "transcode", m4a)
    pictures = {
        "poster-160.jpg": ("poster", "image/jpeg", jpeg),
        "waveform.png": ("waveform", "image/png", jpeg),
    }
    seed.succeed(upload, "thumbnail", pictures)
    seed.transcribe(upload, "only sound")
    seed.skip(upload, "detect")
    open_video(page, upload.video_id)
    until(page, "document.querySelector('.strip-waveform').naturalWidth === 160")
    video = "document.querySelector('video')"
    page.evaluate(f"{video}.play()")
    until(page, f"{video}.currentTime > 0.2")
    assert "/poster-160.jpg" in page.evaluate(f"{video}.poster")
    assert page.evaluate(f"{video}.videoWidth") == 0
    strip = page.get_by_role("slider", name="Position in the video")
    strip.press("Home")
    until(page, f"{video}.currentTime < 0.2 || {video}.ended")
    expect(page.locator(".badge.ready")).to_be_visible()


def test_chapters_seek_and_subtitles_of_the_file_can_be_chosen(page, seed, mp4):
    upload = seed.upload("film.mkv")
    seed.probe(upload)
    cue = b"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHallo\n"
    chapters = (
        b'{"chapters":[{"start":0,"end":1,"title":"Intro"},{"start":1,"end":2,"title":"<b>"}]}'
    )
    extras = {
        "hls/subtitles-1/subtitles-1.deu.vtt": ("subtitles_vtt", "text/vtt", cue),
        "chapters.json": ("chapters_json", "application/json", chapters),
    }
    listed = {"number": 1, "name": "Deutsch", "language": "deu", "default": True, "forced": False}
    seed.transcode(upload, mp4, extras=extras, summary={"subtitles": [listed]})
    open_video(page, upload.video_id)
    list_ = page.get_by_role("region", name="Chapters")
    expect(list_.get_by_role("button")).to_have_text(["0:00Intro", "0:01<b>"])
    list_.get_by_role("button", name="<b>").click()
    until(page, "document.querySelector('video').currentTime >= 1")
    expect(list_.locator("[aria-current]")).to_have_text("0:01<b>")
    tracks = "[...document.querySelector('video').textTracks]"
    until(page, f"{tracks}.some((one) => one.label === 'Deutsch')")
    page.evaluate(f"{tracks}.find((one) => one.label === 'Deutsch').mode = 'showing'")
    until(page, f"{tracks}.find((one) => one.label === 'Deutsch').cues?.length === 1")
    downloads = page.get_by_role("region", name="Downloads")
    expect(downloads.get_by_role("link", name="subtitles-1.deu.vtt")).to_be_visible()


def test_the_mp4_is_played_where_the_adaptive_stream_cannot_be(page, ready):
    open_video(page, ready)
    until(page, "document.querySelector('video').currentSrc.includes('video-180p.mp4')")
    expect(page.get_by_role("combobox", name="Quality")).to_be_hidden()


def test_a_click_on_a_word_seeks_to_it_and_highlights_it(page, ready):
    open_video(page, ready)
    page.get_by_text("dog", exact=True).and_(page.locator(".word")).click()
    until(page, "document.querySelector('video').currentTime >= 1.7")
    expect(page.locator(".word.now")).to_have_text("dog")


def test_a_search_of_the_transcript_hides_other_segments_and_counts_matches(page, ready):
    open_video(page, ready)
    page.get_by_role("searchbox", name="Search the transcript").fill("A DOG")
    expect(page.locator(".segment:visible")).to_have_count(1)
    expect(page.locator(".word.hit")).to_have_text(["a", "dog"])
    expect(page.get_by_text("1 match", exact=True)).to_be_visible()


def test_the_timeline_has_a_lane_for_speech_and_each_label(page, ready):
    open_video(page, ready)
    lanes = page.get_by_role("group", name="Timeline")
    expect(lanes.locator(".lane .lane-name")).to_have_text(["speech", "dog", "circle"])
    lanes.get_by_role("slider", name="speech").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('video').currentTime >= 1")
    dog = lanes.get_by_role("slider", name="dog")
    expect(dog).to_be_focused()
    expect(dog).to_have_attribute("aria-valuetext", "0:01 to 0:02, 1 of 1")
    circle = lanes.get_by_role("slider", name="circle")
    box = circle.bounding_box()
    assert box is not None
    circle.click(position={"x": box["width"] * 0.25, "y": 5})
    until(page, "document.querySelector('video').currentTime < 1")


def test_the_strip_shows_pictures_and_seeks_by_pointer_and_keyboard(page, ready):
    open_video(page, ready)
    strip = page.get_by_role("slider", name="Position in the video")
    expect(page.locator(".strip-cell")).to_have_count(2)
    strip.hover()
    expect(page.locator(".preview")).to_be_visible()
    assert "storyboard-001.jpg" in page.locator(".preview-picture > div").evaluate(
        "element => element.style.backgroundImage"
    )
    box = strip.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 5)
    until(page, "Math.abs(document.querySelector('video').currentTime - 1.5) < 0.1")
    strip.press("Home")
    until(page, "document.querySelector('video').currentTime === 0")


def test_objects_list_their_intervals_and_link_to_other_videos(page, ready, seed):
    seed.detect(seed.upload("other.mp4"), {"cat": [(0, 1)]})
    open_video(page, ready)
    objects = page.get_by_role("region", name="Objects")
    expect(objects.get_by_text("up to 90% sure")).to_have_count(2)
    objects.get_by_role("button", name=re.compile("^Play dog, 0:01.0:02$")).click()
    until(page, "document.querySelector('video').currentTime >= 1")
    objects.get_by_role("link", name="dog").click()
    expect(page.locator(".card")).to_have_count(1)
    expect(page.get_by_role("link", name="Street dance")).to_be_visible()


@pytest.mark.usefixtures("ready")
def test_filters_by_label_and_status_and_can_be_cleared(page, seed):
    failed = seed.upload("broken.mp4")
    for stage in ("transcode", "thumbnail", "transcribe", "detect"):
        seed.fail(failed, stage, BadInput("not_media", "Run `videodrop doctor`."))
    page.goto("/")
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator(".reason code")).to_have_text("videodrop doctor")
    page.get_by_label("Status").select_option("failed")
    expect(page.locator(".card h2")).to_have_text(["broken"])
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator(".card")).to_have_count(2)
    page.get_by_label("Shows").fill("DOG")
    page.keyboard.press("Enter")
    expect(page.locator(".card h2")).to_have_text(["Street dance"])
    page.get_by_label("Shows").fill("unicorn")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()


def test_progress_is_followed_until_the_video_is_ready(page, seed):
    upload = seed.upload("live.mp4")
    seed.probe(upload)
    run = seed.claim(upload, "transcode")
    seed.catalog.runs.heartbeat(upload.video_id, run, progress=37, lease_s=60)
    page.goto(f"/#/videos/{upload.video_id}")
    expect(page.get_by_text("37%")).to_be_visible()
    expect(page.get_by_text("The video can be played after transcoding.")).to_be_visible()
    page.get_by_role("link", name="← Library").click()
    bar = page.get_by_role("progressbar", name="transcode of live.mp4")
    expect(bar).to_have_attribute("aria-valuenow", "37")
    seed.catalog.runs.end(upload.video_id, run, "skipped")
    expect(bar).to_have_attribute("aria-valuenow", "100")
    page.get_by_role("link", name="live").click()
    expect(page.get_by_role("cell", name="Skipped")).to_be_visible()
    seed.transcribe(upload, "it came later")
    expect(page.locator(".segment")).to_contain_text("it came later")


def test_the_parts_of_a_long_video_are_counted(page, seed):
    upload = seed.upload("film.mp4")
    seed.probe(upload)
    run = seed.claim(upload, "transcode")
    spread = Spread(total=181, fingerprint="f", queue="q")
    request = request_of(upload.video_id, run, fingerprint="f", shadow=False)
    seed.catalog.ranges.spread(request, run, spread, patience_s=60)
    for number in range(12):
        seed.catalog.ranges.end(request, f"picture-{number:04}-1", patience_s=60)
    page.goto(f"/#/videos/{upload.video_id}")
    expect(page.get_by_text("12 of 181 parts")).to_be_visible()
    bar = page.get_by_role("progressbar", name="transcode", exact=True)
    expect(bar).to_have_attribute("aria-valuenow", "6")


def test_an_unknown_stage_is_shown_with_its_summary_files_and_warnings(page, seed):
    upload = seed.upload("toy.mp4")
    files = {"deep/beats.csv": ("beats", "text/csv", b"1,2")}
    notice = Notice(code="odd", message="The beat was lost at 0:03.")
    seed.succeed(upload, "detect", files, summary={"tempo": 120}, warnings=(notice,))
    page.goto(f"/#/videos/{upload.video_id}")
    row = page.get_by_role("row", name="detect")
    expect(row.get_by_text("The beat was lost at 0:03.")).to_be_visible()
    row.get_by_text("Details").click()
    expect(row.locator("pre")).to_contain_text('"tempo": 120')
    expect(row.get_by_role("link", name="deep/beats.csv")).to_be_visible()
    expect(page.locator(".downloads a")).to_have_text(["deep/beats.csv"])


def test_a_demonstration_model_is_named_above_the_player(page, seed):
    upload = seed.upload("demo.mp4")
    demo = Notice(code="demo_model", message="Demonstration model: knows 3 words.", level="info")
    seed.transcribe(upload, "red star", warnings=(demo,))
    page.goto(f"/#/videos/{upload.video_id}")
    line = page.get_by_role("note")
    expect(line).to_have_text("transcribe: Demonstration model: knows 3 words.")


def test_names_labels_and_words_never_become_markup(page, seed, mp4, jpeg):
    upload = seed.upload(f"{HOSTILE}.mp4")
    seed.probe(upload, Probe(**PROBE.model_dump() | {"container": HOSTILE}))
    seed.transcode(upload, mp4, warnings=(Notice(code="x", message=HOSTILE),))
    seed.thumbnail(upload, jpeg)
    seed.transcribe(upload, HOSTILE)
    seed.detect(upload, {HOSTILE: [(0, 1)]})
    page.goto("/")
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    expect(page.locator(".chip")).to_have_text([HOSTILE.lower()])
    page.get_by_role("heading", name=HOSTILE).click()
    expect(page.locator(".segment")).to_contain_text(HOSTILE)
    expect(page.locator(".object h3")).to_have_text(HOSTILE)
    expect(page.locator(".warning")).to_have_text(HOSTILE)
    expect(page.locator(".lane-name").last).to_have_text(HOSTILE)
    assert page.locator("img[src=x], script:not([type=module])").count() == 0


@pytest.mark.usefixtures("ready")
def test_the_content_security_policy_blocks_injected_markup(page, complaints):
    page.goto("/")
    expect(page.locator(".card")).to_have_count(1)
    blocked = page.evaluate(
        """() => { try { document.body.innerHTML = '<b>x</b>'; return false; }
                   catch (error) { return error instanceof TypeError; } }"""
    )
    assert blocked
    assert ["TrustedHTML" in one for one in complaints] == [True]
    complaints.clear()


def test_a_phone_does_not_scroll_horizontally(page, ready):
    page.set_viewport_size({"width": 360, "height": 740})
    for path, shown in (("/", ".card img"), (f"/#/videos/{ready}", ".downloads a")):
        page.goto(path)
        expect(page.locator(shown).first).to_be_visible()
        page.wait_for_load_state("load")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
