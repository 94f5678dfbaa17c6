"""Speech that is transcribed by ranges has the words of one pass."""

import random
import re
import wave
from itertools import pairwise

import jiwer
import numpy as np
import pytest

from pipeline.core import in_place
from pipeline.core.errors import BadInput
from pipeline.core.ranges import Part, Plan, Range, Work
from pipeline.core.stage import Deadline
from pipeline.media import audio
from pipeline.stages.transcribe import ctranslate, cuts, hearing
from pipeline.stages.transcribe import stage as transcribe
from pipeline.stages.transcribe import vad as voice
from pipeline.stages.transcribe.engine import Heard
from pipeline.stages.transcribe.transcript import Segment, Transcript, Word
from samples import grammar

from .conftest import ffmpeg, source

pytestmark = pytest.mark.models

RATE = 16_000
SECONDS = 165
WHOLE = {"range_s": 86_400}
FILES = {"transcript.json", "transcript.txt", "captions.vtt", "captions.srt"}
LARGEST_WER = 0.15  # of the small model


@pytest.fixture(scope="module")
def talk(media):
    """Return speech of almost three minutes, and its words with their times."""
    speech = pytest.importorskip("samples.speech")
    rng = random.Random("ranges")  # noqa: S311 - seeded, for a test
    sound = np.random.default_rng(0).normal(0, 0.0005, SECONDS * RATE).astype(np.float32)
    words, at = [], 0.4
    while True:
        text = grammar.sentence(rng, held_out=False)
        try:
            said = speech.speak(text, "en-us", speech.Manner())
        except OSError:
            pytest.skip("espeak-ng is not installed")
        if at + said.seconds > SECONDS:
            break
        first = round(at * RATE)
        sound[first : first + len(said.audio)] += said.audio
        words += [word.later(at) for word in said.words]
        at += said.seconds + rng.uniform(0.25, 0.8)
    path = media / "talk.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path, words


def plan(path, **params):
    return transcribe.plan(source(path), transcribe.Params(**params), Deadline(300))


def carried_out(planned, path, work, listen=lambda _: None):
    """Transcribe the ranges of a plan, of about a minute each."""
    report = Deadline(300, listen)
    params = transcribe.Params(range_s=60)
    return in_place.run(transcribe, source(path), params, work, report, planned)


@pytest.fixture(scope="module")
def planned(talk):
    return plan(talk[0], range_s=60)


@pytest.fixture(scope="module")
def ranged(talk, planned, tmp_path_factory):
    """Return the result of the talk in ranges, its folder, and the progress that was reported."""
    work, told = tmp_path_factory.mktemp("ranged"), []
    return carried_out(planned, talk[0], work, told.append), work, told


def text(words):
    return " ".join(re.sub("[^a-z]", "", word.text.lower()) for word in words)


def heard(work):
    return Transcript.model_validate_json((work / "transcript.json").read_bytes()).words()


@pytest.fixture(scope="module")
def boundaries(talk):
    """Return the ranges of the talk if it were cut near every 13th second."""
    path, _ = talk
    probed = source(path).probe
    (track,) = probed.audio
    rules = transcribe._rules(transcribe.Params())

    def sound(start, end):
        part = {"start_s": start, "end_s": end, "container": probed.container}
        part["time_base"] = track.time_base
        return audio.stream(path, track.index, **part)

    return [(at, cuts.near(at, sound, rules)) for at in range(12, SECONDS - 11, 13)]


def test_no_word_is_cut_at_any_boundary(talk, boundaries):
    _, words = talk
    assert len(boundaries) > 10
    for at, cut in boundaries:
        assert abs(cut - at) <= cuts.NEAR_S
        inside = [word for word in words if word.start + 0.03 < cut < word.end - 0.03]
        assert not inside, (at, cut, inside)


def test_each_range_begins_where_the_one_before_ends(talk, planned):
    path, _ = talk
    found = planned.ranges
    assert [one.name for one in found] == ["speech-0000", "speech-0001", "speech-0002"]
    assert (found[0].start_s, found[-1].end_s) == (0.0, source(path).probe.duration_s)
    assert all(a.end_s == b.start_s for a, b in pairwise(found))


def test_ranges_have_the_words_of_one_pass(talk, ranged, tmp_path, monkeypatch):
    path, words = talk
    monkeypatch.setattr(transcribe, "_SECTION_S", 60)
    planned, told_of_one = plan(path, **WHOLE), []
    assert len(planned.ranges) == 1
    one = carried_out(planned, path, tmp_path, told_of_one.append)
    result, several, told = ranged
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (several / name).read_bytes()
    assert jiwer.wer(text(words), text(heard(several))) < LARGEST_WER
    for of, reports in ((result, told), (one, told_of_one)):
        assert reports == sorted(reports)
        assert [notice.code for notice in of.warnings] == ["demo_model"]


class Knowing:
    """An engine that knows the words of each frame of the sound."""

    languages = ("en",)
    batch = 4

    def __init__(self, path, words):
        (track,) = source(path).probe.audio
        blocks = voice.blocks(audio.stream(path, track.index))
        frames = [frame.tobytes() for block in blocks for frame in block]
        self.places = {frame: place for place, frame in enumerate(frames)}
        self.words = {round((w.start + w.end) / 2 / voice.FRAME_S): w for w in words}

    def encode(self, windows):
        return [window.reshape(-1, voice.FRAME) for window in windows]

    def transcribe(self, encoded, languages, options):  # noqa: ARG002 - as the engines
        return [Heard([self.said(one)], len(one) * voice.FRAME_S) for one in encoded]

    def said(self, frames):
        found, seconds = [], len(frames) * voice.FRAME_S
        for at, frame in enumerate(frames):
            place = self.places.get(frame.tobytes())  # none of a last frame that was padded
            if place is not None and (word := self.words.get(place)):
                moved = word.later((at - place) * voice.FRAME_S)
                start, end = max(0, moved.start), min(seconds, moved.end)
                found.append(Word(text=f" {word.text}", start=start, end=end, probability=1))
        whole = "".join(word.text for word in found).strip()
        return Segment(text=whole, start=0, end=seconds, probability=1, words=found)


def test_no_word_is_lost_or_said_twice_at_any_seam(fresh, talk, boundaries, tmp_path, monkeypatch):
    path, words = talk
    engine = Knowing(path, words)
    monkeypatch.setattr(ctranslate, "load", lambda _: engine)
    _, one = fresh(transcribe, path, **WHOLE)
    expected = heard(one)
    assert len(expected) == len(words)
    given, params, report = source(path), transcribe.Params(), Deadline(300)
    decided = transcribe.plan(given, params, report)
    for shift in range(2):
        inner = [cut for _, cut in boundaries[shift::2]]
        edges = [0.0, *inner, given.probe.duration_s]
        planned = decided.model_copy(
            update={
                "ranges": tuple(
                    Range(name=f"speech-{number}", start_s=a, end_s=b)
                    for number, (a, b) in enumerate(pairwise(edges))
                )
            }
        )
        in_place.run(transcribe, given, params, tmp_path, report, planned)
        found = heard(tmp_path)
        assert [word.text for word in found] == [word.text for word in expected]
        assert all(abs(a.start - b.start) < 0.3 for a, b in zip(found, expected, strict=True))


class OnPaper:
    """A part that was made elsewhere, and came back as JSON."""

    def __init__(self, range_, part):
        self.range = range_
        self.part = Part.model_validate_json(part.model_dump_json())

    def file(self, name):
        raise AssertionError(name)


def test_ranges_on_other_hosts_and_in_any_order_give_the_same_files(
    talk, planned, ranged, tmp_path
):
    path, _ = talk
    _, expected, _ = ranged
    given, params, report = source(path), transcribe.Params(range_s=60), Deadline(300)
    planned = Plan.model_validate_json(planned.model_dump_json())
    made = {
        one.name: OnPaper(
            one,
            transcribe.run_range(given, params, planned, one, [], Work(tmp_path, "x"), report),
        )
        for one in reversed(planned.ranges)
    }
    ordered = [made[one.name] for one in planned.ranges]
    transcribe.merge(given, params, planned, ordered, tmp_path, report)
    assert {file.name for file in expected.iterdir()} == FILES
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (expected / name).read_bytes()


def test_a_clock_that_jumps_gives_one_range(talk, media):
    path, _ = talk
    joined = media / "talk.ts"
    ffmpeg("-i", path, "-c:a", "aac", joined)
    assert len(plan(joined, range_s=60).ranges) == 1


def test_without_sound_there_is_one_range(no_audio):
    (only,) = plan(no_audio).ranges
    assert only.start_s == 0.0


def fail_from(monkeypatch, seconds, error):
    """Let ranges that begin at ``seconds`` or later fail after their first chunk."""
    stream = audio.stream

    def failing(*arguments, start_s=0.0, end_s=None, **options):
        chunks = stream(*arguments, start_s=start_s, end_s=end_s, **options)
        is_range = end_s is None or end_s - start_s > 30
        if not (is_range and start_s >= seconds):
            yield from chunks
        else:
            yield next(chunks)
            chunks.close()
            raise error

    monkeypatch.setattr(hearing.audio, "stream", failing)


def test_a_range_that_cannot_be_decoded_gives_one_warning_and_the_others_their_words(
    talk, planned, tmp_path, monkeypatch
):
    path, words = talk
    engine = Knowing(path, words)
    monkeypatch.setattr(ctranslate, "load", lambda _: engine)
    fail_from(monkeypatch, 50, BadInput("decoder_crashed", "It crashes."))
    result = carried_out(planned, path, tmp_path)
    assert [one.code for one in result.warnings] == ["damaged_audio", "demo_model"]
    first, *others = planned.ranges
    assert f"({others[0].start_s:.0f} to {others[1].end_s:.0f} s)" in result.warnings[0].message
    assert len(others) == 2
    # Ten seconds at most of the two others were decoded.
    readable = [(first.start_s, first.end_s), *((one.start_s, one.start_s + 11) for one in others)]
    found = [word.text.strip() for word in heard(tmp_path)]
    whole = [word.text for word in words if word.end < first.end_s]
    assert found[: len(whole)] == whole
    assert all(any(a <= word.start < b for a, b in readable) for word in heard(tmp_path))
    assert any(others[1].start_s < word.start for word in heard(tmp_path))


def test_a_sound_of_which_no_range_can_be_decoded_is_rejected(talk, planned, tmp_path, monkeypatch):
    fail_from(monkeypatch, 0, BadInput("decoder_crashed", "It crashes."))
    with pytest.raises(BadInput, match="It crashes") as caught:
        carried_out(planned, talk[0], tmp_path)
    assert caught.value.code == "undecodable"


def test_a_track_that_ends_early_is_not_damaged(talk, media, tmp_path):
    path, _ = talk
    film = media / "film.mp4"
    picture = ("-f", "lavfi", "-i", "color=gray:s=64x36:r=2:d=200")
    ffmpeg(*picture, "-t", 70, "-i", path, "-c:v", "libx264", "-c:a", "aac", film)
    planned = plan(film, range_s=60)
    assert len(planned.ranges) == 3
    result = carried_out(planned, film, tmp_path)
    assert [one.code for one in result.warnings] == ["demo_model"]
    assert 60 < heard(tmp_path)[-1].end <= 70.1


class Doubtful:
    """An engine that is sure of the language at the start of the sound only."""

    languages = ("en", "de", "fr")
    batch = 1

    def __init__(self):
        self.count = 0
        self.heard = []

    def encode(self, windows):
        return windows

    def detect_languages(self, encoded):
        self.count += len(encoded)
        sure = {"en": 0.0, "de": 0.99, "fr": 0.0}
        return [sure if self.count == 1 else {"en": 0.4, "de": 0.0, "fr": 0.01}] * len(encoded)

    def transcribe(self, encoded, languages, options):  # noqa: ARG002 - as the engines
        self.heard += languages
        word = Word(text=" So.", start=1.0, end=1.4, probability=0.9)
        said = Segment(text="So.", start=1.0, end=1.4, probability=0.9, words=[word])
        return [Heard([said], len(window) / RATE) for window in encoded]


def test_the_language_of_a_window_is_passed_on_within_a_range_only(fresh, talk, monkeypatch):
    path, _ = talk
    engine = Doubtful()
    monkeypatch.setattr(ctranslate, "load", lambda _: engine)
    fresh(transcribe, path, range_s=60, word_timestamps=False)
    first = engine.heard.index("en")
    assert 2 <= first < len(engine.heard) / 2
    assert set(engine.heard[:first]) == {"de"}
    assert set(engine.heard[first:]) == {"en"}
