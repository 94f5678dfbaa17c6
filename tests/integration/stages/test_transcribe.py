# ruff: noqa: PLC0415 - torch and whisper take seconds to import
import json
import math
import re
import subprocess
import sys
import warnings
from functools import cache

import jiwer
import numpy as np
import pysubs2
import pytest
import webvtt

from pipeline.core.errors import BadInput, MissingDependency, TimedOut
from pipeline.core.stage import Deadline
from pipeline.media import audio
from pipeline.stages.models import weights
from pipeline.stages.transcribe import stage as transcribe
from pipeline.stages.transcribe import vad as voice
from pipeline.stages.transcribe import whisper as whisper_engine
from pipeline.stages.transcribe.engine import Speaking
from pipeline.stages.transcribe.transcript import Segment, Transcript, Word

from .conftest import SENTENCES, ffmpeg, source

pytestmark = pytest.mark.models


def words(text):
    return re.sub(r"[^a-z ]", "", text.lower())


class Scripted:
    """An engine with scripted answers that records its calls."""

    def __init__(self, *, languages=("en", "de"), answers=()):
        self.languages = languages
        self.answers = iter(answers)
        self.detected = []
        self.heard = []

    def detect_language(self, windows):
        self.detected.append(len(windows))
        return "de", 0.9

    def transcribe(self, window, how):
        self.heard.append((len(window) / voice.RATE, how))
        return next(self.answers, [])


@pytest.fixture
def scripted(monkeypatch, tmp_path):
    """Replace Whisper by a scripted engine."""
    model = tmp_path / "model.pt"
    model.touch()

    def install(**script):
        engine = Scripted(**script)
        monkeypatch.setattr(whisper_engine, "load", lambda _: engine)
        return engine

    install.model = str(model)
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
    assert result.warnings == []
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


@cache
def plain_whisper(path):
    """Return the text and the words of ``whisper.transcribe`` for all of the audio."""
    import torch
    import whisper

    sound = audio.stream(path, source(path).probe.audio[0].index)
    whole = np.concatenate(list(voice.frames(sound)))
    model = whisper_engine.load(weights.resolve("whisper-shapes"))._model
    torch.manual_seed(0)
    answer = whisper.transcribe(
        model,
        whole,
        language="en",
        fp16=False,
        condition_on_previous_text=False,
        word_timestamps=True,
    )
    return answer["text"], [word for segment in answer["segments"] for word in segment["words"]]


def test_one_window_has_the_words_and_times_of_plain_whisper(fresh, speech):
    _, work = fresh(transcribe, speech, vad=False)
    found = Transcript.model_validate_json((work / "transcript.json").read_bytes()).words()
    _, plain = plain_whisper(speech)
    assert [word.text for word in found] == [word["word"] for word in plain]
    assert [(word.start, word.end) for word in found] == [
        (round(float(word["start"]), 3), round(float(word["end"]), 3)) for word in plain
    ]


def test_several_windows_have_the_text_of_plain_whisper_for_all_of_the_audio(
    fresh, speech, monkeypatch
):
    heard = []
    transcribed = whisper_engine.WhisperEngine.transcribe
    monkeypatch.setattr(
        whisper_engine.WhisperEngine,
        "transcribe",
        lambda engine, window, how: heard.append(len(window)) or transcribed(engine, window, how),
    )
    monkeypatch.setattr(transcribe, "_PAUSE_S", 0.9)
    _, work = fresh(transcribe, speech)
    ours = (work / "transcript.txt").read_text().replace("\n", " ")
    plain, _ = plain_whisper(speech)
    assert len(heard) > 1
    # The small sample model may transcribe a phrase near a border differently. A word that a
    # border lost or doubled would change the number of words.
    assert jiwer.wer(words(plain), words(ours)) <= 0.15
    assert abs(len(ours.split()) - len(plain.split())) <= 1


@pytest.mark.parametrize("name", ["silent_track", "noise", "music"])
def test_sound_without_speech_gives_no_text_and_a_warning(fresh, request, name):
    result, work = fresh(transcribe, request.getfixturevalue(name))
    assert [warning.code for warning in result.warnings] == ["no_speech"]
    assert (work / "transcript.txt").read_text() == ""
    assert json.loads((work / "transcript.json").read_text())["segments"] == []
    assert (work / "captions.vtt").read_text() == "WEBVTT\n"


def test_a_video_without_sound_gives_an_empty_transcript_and_loads_no_model(
    fresh, no_audio, scripted, monkeypatch
):
    monkeypatch.setattr(whisper_engine, "load", lambda _: pytest.fail("loaded"))
    result, work = fresh(transcribe, no_audio, model=scripted.model)
    assert [warning.code for warning in result.warnings] == ["no_audio"]
    assert Transcript.model_validate_json((work / "transcript.json").read_bytes()).segments == []


def test_text_invented_without_a_voice_is_removed(fresh, speech, scripted):
    scripted(languages=("en",), answers=[[said("Thanks for watching!", 14.5, 15.5)]])
    result, work = fresh(transcribe, speech, model=scripted.model)
    assert (work / "transcript.txt").read_text() == ""
    assert [warning.code for warning in result.warnings] == ["no_speech"]


def test_without_voice_activity_detection_the_model_gets_all_audio(fresh, noise, scripted):
    engine = scripted(answers=[[said("Hiss.", 0, 1)]])
    _, work = fresh(transcribe, noise, model=scripted.model, vad=False)
    assert engine.heard[0][0] == pytest.approx(6, abs=0.1)
    assert (work / "transcript.txt").read_text() == "Hiss.\n"


def test_times_are_those_of_the_video_not_of_the_window(fresh, speech, scripted):
    scripted(answers=[[said("Hello.", 1.0, 1.4)]])
    _, work = fresh(transcribe, speech, model=scripted.model, language="en")
    (word,) = Transcript.model_validate_json((work / "transcript.json").read_bytes()).words()
    assert 1.3 < word.start < 1.7  # the window begins half a second before speech, at about 0.5


def test_sound_that_starts_late_in_a_transport_stream_keeps_its_place(fresh, speech, scripted):
    scripted(answers=[[said("Hello.", 1.0, 1.4)]])
    late = speech.with_suffix(".ts")
    streams = ("-i", speech, "-itsoffset", 2, "-i", speech, "-map", "0:v", "-map", "1:a")
    ffmpeg(*streams, "-c", "copy", late)
    _, work = fresh(transcribe, late, model=scripted.model, language="en")
    (word,) = Transcript.model_validate_json((work / "transcript.json").read_bytes()).words()
    assert 3.3 < word.start < 3.7


def test_a_language_that_is_not_given_is_detected_on_speech_once(fresh, speech, scripted):
    engine = scripted(answers=[[said("Hallo.", 1, 2)]])
    result, _ = fresh(transcribe, speech, model=scripted.model)
    assert engine.detected == [1]
    assert engine.heard[0][1].language == "de"
    assert (result.summary["language"], result.summary["language_probability"]) == ("de", 0.9)


def test_a_given_language_is_used_as_it_is(fresh, speech, scripted):
    engine = scripted(answers=[[said("Hello.", 1, 2)]])
    fresh(transcribe, speech, model=scripted.model, language="en")
    assert engine.detected == []
    assert engine.heard[0][1].language == "en"


def test_a_language_that_the_model_does_not_support_is_rejected(fresh, speech, scripted):
    scripted()
    with pytest.raises(BadInput, match="unknown_language"):
        fresh(transcribe, speech, model=scripted.model, language="xx")


def test_an_english_only_model_uses_english_with_a_warning(fresh, speech):
    result, _ = fresh(transcribe, speech, language="de")
    assert [warning.code for warning in result.warnings] == ["language_forced"]
    assert result.summary["language"] == "en"


def test_translation_by_an_english_only_model_is_rejected(fresh, speech):
    with pytest.raises(BadInput, match="translate_unsupported"):
        fresh(transcribe, speech, task="translate")


def test_a_translation_has_captions_without_word_times(fresh, speech, scripted):
    segment = Segment(text="Good day to you.", start=1, end=3, probability=0.9)
    engine = scripted(answers=[[segment]])
    _, work = fresh(transcribe, speech, model=scripted.model, task="translate", language="de")
    assert not engine.heard[0][1].word_times
    assert webvtt.read(work / "captions.vtt").captions[0].text == "Good day to you."


def test_options_reach_the_engine(fresh, speech, scripted):
    engine = scripted()
    options = {"beam_size": 3, "initial_prompt": "Zanzibar", "word_timestamps": False}
    fresh(transcribe, speech, model=scripted.model, language="en", **options)
    assert engine.heard[0][1] == Speaking("en", "transcribe", 3, False, "Zanzibar")


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
    first = whisper_engine.load(weights.resolve("whisper-shapes"))
    fresh(transcribe, speech)
    assert whisper_engine.load(weights.resolve("whisper-shapes")) is first


def test_torch_gets_this_stages_share_of_the_cpu(model_host):
    import torch

    model_host(threads=3)
    whisper_engine._load.cache_clear()
    voice.load.cache_clear()
    transcribe.warm_up(transcribe.Params())
    assert torch.get_num_threads() == 3
    model_host(threads=1)
    voice.load.cache_clear()
    voice.load()
    assert torch.get_num_threads() == 1


def test_language_detection_averages_over_windows():
    """The model is multilingual with random weights: the test checks only the interface."""
    import torch
    from whisper.model import ModelDimensions, Whisper

    torch.manual_seed(1)
    model = Whisper(ModelDimensions(80, 1500, 64, 2, 1, 51865, 448, 64, 2, 1)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    engine = whisper_engine.WhisperEngine(model)
    assert len(engine.languages) == 99
    sound = np.random.default_rng(0).normal(0, 0.1, (2, voice.RATE)).astype(np.float32)
    alone = [engine.detect_language([one]) for one in sound]
    language, probability = engine.detect_language(list(sound))
    assert language in engine.languages
    assert 0 < probability <= max(one[1] for one in alone)


def test_the_pinned_digests_are_those_of_the_whisper_package():
    import whisper

    from pipeline.stages.models import official

    assert {name: known.url for name, known in official.WHISPER.items()} == whisper._MODELS


@pytest.mark.parametrize("split", [1, 511, 512, 513, 4000])
def test_frames_do_not_depend_on_the_chunks_of_the_audio(split):
    sound = np.arange(3000, dtype=np.float32)
    pieces = [sound[i : i + split] for i in range(0, len(sound), split)]
    found = list(voice.frames(pieces))
    assert len(found) == math.ceil(3000 / voice.FRAME)
    joined = np.concatenate(found)
    assert np.array_equal(joined[:3000], sound)
    assert not joined[3000:].any()


def test_the_stage_module_imports_nothing_heavy():
    code = (
        "import sys; from pipeline.stages.transcribe import stage as t; t.identity(t.Params());"
        "assert not {'torch', 'whisper', 'ctranslate2', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_warning_of_a_library_reaches_the_log():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whisper_engine._load.cache_clear()
        voice.load.cache_clear()
        transcribe.warm_up(transcribe.Params())
