import json
import math
import re
import shutil
import subprocess
import sys
import warnings

import jiwer
import numpy as np
import pysubs2
import pytest
import webvtt

from pipeline.core.errors import BadInput, MissingDependency, TimedOut
from pipeline.core.stage import Deadline
from pipeline.stages.models import weights
from pipeline.stages.transcribe import ctranslate
from pipeline.stages.transcribe import stage as transcribe
from pipeline.stages.transcribe import vad as voice
from pipeline.stages.transcribe.engine import Heard, SpeechOptions
from pipeline.stages.transcribe.transcript import Segment, Transcript, Word

from .conftest import SENTENCES, ffmpeg, source

pytestmark = pytest.mark.models


def words(text):
    return re.sub(r"[^a-z ]", "", text.lower())


class Scripted:
    """An engine with scripted answers that records its calls."""

    batch = 1

    def __init__(self, *, languages=("en", "de"), spoken=("de",), answers=()):
        self.languages = languages
        self.spoken = iter(spoken)
        self.answers = iter(answers)
        self.detected = 0
        self.heard = []

    def encode(self, windows):
        return windows

    def detect_languages(self, encoded):
        self.detected += len(encoded)
        return [{"en": 0.01, "de": 0.01, next(self.spoken): 0.98} for _ in encoded]

    def transcribe(self, encoded, languages, options):
        (window,), (language,) = encoded, languages
        self.heard.append((len(window) / voice.RATE, language, options))
        return [Heard(next(self.answers, []), len(window) / voice.RATE)]


@pytest.fixture
def scripted(monkeypatch):
    """Replace Whisper by a scripted engine."""

    def install(**script):
        engine = Scripted(**script)
        monkeypatch.setattr(ctranslate, "load", lambda _: engine)
        return engine

    return install


def said(text, start, end):
    word = Word(text=f" {text}", start=start, end=end, probability=0.9)
    return Segment(text=text, start=start, end=end, probability=0.9, words=[word])


def test_speech_in_a_video_becomes_transcript_and_captions(fresh, speech):
    told = []
    result, work = fresh(transcribe, speech, told.append)
    transcript = Transcript.model_validate_json((work / "transcript.json").read_bytes())
    assert jiwer.wer(words(" ".join(SENTENCES)), words(transcript.plain().replace("\n", " "))) < 0.3
    assert (transcript.language, transcript.language_probability) == ("en", 1.0)
    assert transcript.model.sha256 == weights.digest("whisper-shapes")
    assert transcript.duration == pytest.approx(source(speech).probe.duration_s, abs=0.01)
    assert [word.text for word in transcript.words()]
    assert [notice.code for notice in result.warnings] == ["demo_model"]
    assert {artifact.role for artifact in result.artifacts} == {
        "transcript_json", "captions_vtt", "captions_srt", "transcript_txt",
    }  # fmt: skip
    assert all((work / artifact.name).is_file() for artifact in result.artifacts)
    assert len(webvtt.read(work / "captions.vtt").captions) == len(
        pysubs2.load(str(work / "captions.srt"))
    )
    assert told == sorted(told)
    assert result.summary["words"] == len((work / "transcript.txt").read_text().split())


def test_word_times_match_the_voice(fresh, speech):
    _, work = fresh(transcribe, speech)
    transcript = Transcript.model_validate_json((work / "transcript.json").read_bytes())
    first = transcript.words()[0]
    assert first.start == pytest.approx(1.0, abs=0.2)  # a second of silence comes before it


def test_speech_that_the_model_left_out_at_the_end_of_a_window_is_transcribed_again(
    fresh, speech, scripted
):
    engine = scripted(answers=[[said("First.", 1.0, 2.0)], [said("Second.", 0.6, 1.2)]])
    engine.transcribe = lambda *_: [Heard(next(engine.answers, []), 3.0)]
    _, work = fresh(transcribe, speech, language="en")
    assert (work / "transcript.txt").read_text() == "First.\nSecond.\n"


@pytest.mark.parametrize("name", ["silent_track", "noise", "music"])
def test_sound_without_speech_gives_no_text_and_a_warning(fresh, request, name):
    result, work = fresh(transcribe, request.getfixturevalue(name))
    assert [warning.code for warning in result.warnings] == ["demo_model", "no_speech"]
    assert (work / "transcript.txt").read_text() == ""
    assert json.loads((work / "transcript.json").read_text())["segments"] == []
    assert (work / "captions.vtt").read_text() == "WEBVTT\n"


def test_a_video_without_sound_gives_an_empty_transcript_and_loads_no_model(
    fresh, no_audio, monkeypatch
):
    monkeypatch.setattr(ctranslate, "load", lambda _: pytest.fail("loaded"))
    result, work = fresh(transcribe, no_audio)
    assert [warning.code for warning in result.warnings] == ["no_audio"]
    assert Transcript.model_validate_json((work / "transcript.json").read_bytes()).segments == []


@pytest.fixture(scope="module")
def bilingual(media, speech):
    """Return a video with a silent German track, which is the default, and an English one."""
    path = media / "bilingual.mkv"
    tags = ("-metadata:s:a:0", "language=deu", "-metadata:s:a:1", "language=eng")
    flags = ("-disposition:a:0", "default", "-disposition:a:1", "0")
    maps = ("-map", "1:v", "-map", "0:a", "-map", "1:a", "-c:v", "copy", "-shortest")
    silence = ("-f", "lavfi", "-i", "anullsrc=r=48000:cl=mono")
    ffmpeg(*silence, "-i", speech, *maps, *tags, *flags, "-metadata:s:a:1", "title=Live", path)
    return path


@pytest.mark.parametrize(
    "params", [{"audio_track": "2"}, {"audio_track": "EN"}, {"language": "en"}]
)
def test_the_track_is_chosen_by_number_and_language(fresh, bilingual, params):
    result, _ = fresh(transcribe, bilingual, **params)
    assert result.summary["words"] > 10
    assert [notice.code for notice in result.warnings] == ["demo_model"]


def test_without_speech_in_the_default_track_the_others_are_named(fresh, bilingual):
    result, _ = fresh(transcribe, bilingual)
    (notice,) = (one for one in result.warnings if one.code == "no_speech")
    assert 'audio track 1. The file also has 2 (eng, "Live")' in notice.message


def test_a_number_without_a_track_is_rejected(fresh, bilingual):
    with pytest.raises(BadInput, match="unknown_track"):
        fresh(transcribe, bilingual, audio_track=3)


def test_a_sentence_that_is_spoken_five_times_is_kept_five_times(fresh, media):
    """It was kept once: repeated text was taken for invented."""
    if not shutil.which("espeak-ng"):
        pytest.skip("espeak-ng is not installed")
    path = media / "again.wav"
    said = " ".join([SENTENCES[1]] * 5)
    subprocess.run(["espeak-ng", "-v", "en-us", "-w", path, said], check=True, timeout=60)
    _, work = fresh(transcribe, path)
    text = (work / "transcript.txt").read_text().lower()
    assert text.count("orange square") == 5


@pytest.mark.parametrize("tag", ["DE", "de-DE", "de_AT", "deu", "ger"])
def test_any_tag_of_a_language_is_understood(tag):
    assert transcribe.Params(language=tag) == transcribe.Params(language="de")


def test_text_invented_without_a_voice_is_removed(fresh, speech, scripted):
    scripted(languages=("en",), answers=[[said("Thanks for watching!", 14.5, 15.5)]])
    result, work = fresh(transcribe, speech)
    assert (work / "transcript.txt").read_text() == ""
    assert [warning.code for warning in result.warnings] == ["demo_model", "no_speech"]


def test_without_voice_activity_detection_the_model_gets_all_audio(fresh, noise, scripted):
    engine = scripted(answers=[[said("Hiss.", 0, 1)]])
    _, work = fresh(transcribe, noise, vad=False)
    assert engine.heard[0][0] == pytest.approx(6, abs=0.1)
    assert (work / "transcript.txt").read_text() == "Hiss.\n"


def test_times_are_those_of_the_video_not_of_the_window(fresh, speech, scripted):
    scripted(answers=[[said("Hello.", 1.0, 1.4)]])
    _, work = fresh(transcribe, speech, language="en")
    (word,) = Transcript.model_validate_json((work / "transcript.json").read_bytes()).words()
    assert 1.3 < word.start < 1.7  # the window begins half a second before speech, at about 0.5


def test_sound_that_starts_late_in_a_transport_stream_keeps_its_place(fresh, speech, scripted):
    scripted(answers=[[said("Hello.", 1.0, 1.4)]])
    late = speech.with_suffix(".ts")
    streams = ("-i", speech, "-itsoffset", 2, "-i", speech, "-map", "0:v", "-map", "1:a")
    ffmpeg(*streams, "-c", "copy", late)
    _, work = fresh(transcribe, late, language="en")
    (word,) = Transcript.model_validate_json((work / "transcript.json").read_bytes()).words()
    assert 3.3 < word.start < 3.7


def test_a_language_that_is_not_given_is_detected_on_speech(fresh, speech, scripted):
    engine = scripted(answers=[[said("Hallo.", 1, 2)]])
    result, work = fresh(transcribe, speech)
    assert engine.detected == 1
    assert engine.heard[0][1] == "de"
    assert (result.summary["language"], result.summary["languages"]) == ("de", ["de"])
    assert result.summary["language_probability"] == 0.98
    (segment,) = json.loads((work / "transcript.json").read_text())["segments"]
    assert segment["language"] == "de"


def test_a_given_language_is_used_as_it_is(fresh, speech, scripted):
    engine = scripted(answers=[[said("Hello.", 1, 2)]])
    fresh(transcribe, speech, language="en")
    assert engine.detected == 0
    assert engine.heard[0][1] == "en"


def test_a_language_that_the_model_does_not_support_is_rejected(fresh, speech, scripted):
    scripted()
    with pytest.raises(BadInput, match="unknown_language"):
        fresh(transcribe, speech, language="xx")


def test_an_english_only_model_uses_english_with_a_warning(fresh, speech):
    result, _ = fresh(transcribe, speech, language="de")
    assert [warning.code for warning in result.warnings] == ["language_forced", "demo_model"]
    assert result.summary["language"] == "en"


def test_translation_by_an_english_only_model_is_rejected(fresh, speech):
    with pytest.raises(BadInput, match="translate_unsupported"):
        fresh(transcribe, speech, task="translate")


def test_a_translation_has_captions_without_word_times(fresh, speech, scripted):
    segment = Segment(text="Good day to you.", start=1, end=3, probability=0.9)
    engine = scripted(answers=[[segment]])
    _, work = fresh(transcribe, speech, task="translate", language="de")
    assert not engine.heard[0][2].word_times
    assert webvtt.read(work / "captions.vtt").captions[0].text == "Good day to you."


def test_options_reach_the_engine(fresh, speech, scripted):
    engine = scripted()
    options = {"beam_size": 3, "initial_prompt": "Zanzibar", "word_timestamps": False}
    fresh(transcribe, speech, language="en", **options)
    assert engine.heard[0][1:] == ("en", SpeechOptions("transcribe", 3, False, "Zanzibar"))


def test_a_missing_model_is_reported_before_any_work(fresh, speech, tmp_path):
    with pytest.raises(MissingDependency, match="model_unavailable"):
        fresh(transcribe, speech, model=str(tmp_path / "none.pt"))


def test_a_file_that_is_not_a_whisper_model_is_rejected(fresh, speech, tmp_path):
    strange = tmp_path / "strange.pt"
    strange.write_bytes(b"not a checkpoint")
    with pytest.raises(MissingDependency, match="model_format"):
        fresh(transcribe, speech, model=str(strange))


def test_a_run_past_its_deadline_stops(speech, tmp_path):
    with pytest.raises(TimedOut):
        transcribe.run(source(speech), transcribe.Params(), tmp_path, Deadline(0))


def test_the_same_weights_stay_loaded(fresh, speech):
    first = ctranslate.load(weights.resolve("whisper-shapes"))
    fresh(transcribe, speech)
    assert ctranslate.load(weights.resolve("whisper-shapes")) is first


@pytest.mark.parametrize("split", [1, 511, 512, 513, 4000])
def test_frames_do_not_depend_on_the_chunks_of_the_audio(split):
    sound = np.arange(3000, dtype=np.float32)
    pieces = [sound[i : i + split] for i in range(0, len(sound), split)]
    joined = np.concatenate(list(voice.blocks(pieces))).ravel()
    assert len(joined) == math.ceil(3000 / voice.FRAME) * voice.FRAME
    assert np.array_equal(joined[:3000], sound)
    assert not joined[3000:].any()


def test_the_stage_module_imports_nothing_heavy():
    code = (
        "import sys; from pipeline.stages.transcribe import stage as t; t.identity(t.Params());"
        "assert not {'torch', 'whisper', 'ctranslate2', 'onnxruntime', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_warning_of_a_library_reaches_the_log():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ctranslate._load.cache_clear()
        voice.load.cache_clear()
        transcribe.warm_up(transcribe.Params())
