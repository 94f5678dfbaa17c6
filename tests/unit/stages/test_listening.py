import pytest

from pipeline.stages.transcribe import vad
from pipeline.stages.transcribe.engine import Heard, SpeechOptions
from pipeline.stages.transcribe.listening import Listener
from pipeline.stages.transcribe.transcript import Segment, Word
from pipeline.stages.transcribe.windows import Window

SECOND = round(1 / vad.FRAME_S)


class Polyglot:
    """An engine for windows of scripted languages: each frame is a character, `.` is silence."""

    languages = ("en", "de", "fr")

    def __init__(self, *, batch=1, until=None, unsure=()):
        self.batch, self.until, self.unsure = batch, until, set(unsure)
        self.encoded, self.transcribed = [], []

    def encode(self, windows):
        self.encoded.append(len(windows))
        return windows

    def detect_languages(self, encoded):
        return [self._chances(window) for window in encoded]

    def _chances(self, window):
        spoken = [character for character in window if character != "."]
        names = {"e": "en", "d": "de", "f": "fr"}
        found = {name: spoken.count(character) / len(spoken) for character, name in names.items()}
        if set(spoken) & self.unsure:
            return {"en": 0.4, "de": 0.3, "fr": 0.3}
        return found

    def transcribe(self, encoded, languages, _options):
        answers = []
        for window, language in zip(encoded, languages, strict=True):
            self.transcribed.append((language, "".join(dict.fromkeys(window))))
            end = len(window) * vad.FRAME_S
            words = [
                Word(text=" two", start=0.6, end=end / 2 - 0.6, probability=1),
                Word(text=" words", start=end / 2 + 0.6, end=end - 0.6, probability=1),
            ]
            segment = Segment(text="two words", start=0, end=end, probability=1, words=words)
            until = self.until.pop(0) if self.until else end
            answers.append(Heard([segment], until))
        return answers


@pytest.fixture(autouse=True)
def _characters(monkeypatch):
    monkeypatch.setattr(
        "pipeline.stages.transcribe.listening.samples", lambda window: "".join(window.frames)
    )


def window(text, first=0):
    """Return a window in which each character is half a second of speech, and `.` of silence."""
    frames = [character for character in text for _ in range(SECOND // 2)]
    places = list(range(first, first + len(frames)))
    return Window(places, frames, [character != "." for character in frames])


def listen(engine, *windows, language=None, finds_voice=True):
    options = SpeechOptions("transcribe", 1, word_times=True, prompt=None)
    listener = Listener(engine, options, language, finds_voice=finds_voice)
    return list(listener.listen(windows))


def test_each_window_has_its_own_language():
    found = listen(Polyglot(), window("." + "e" * 10 + "."), window("." + "d" * 10 + "."))
    assert [one.language for one in found] == ["en", "de"]
    assert [one.segments[0].language for one in found] == ["en", "de"]


def test_a_given_language_is_not_detected():
    (found,) = listen(Polyglot(), window(".eeeeeeee."), language="fr")
    assert (found.language, found.probability) == ("fr", 1.0)


def test_a_window_in_two_languages_is_divided_at_the_pause_between_them():
    engine = Polyglot()
    found = listen(engine, window("." + "e" * 8 + ".." + "d" * 8 + "."))
    assert [one.language for one in found] == ["en", "de"]
    assert [language for language, _ in engine.transcribed[-2:]] == ["en", "de"]
    assert "d" not in engine.transcribed[-2][1]
    assert "e" not in engine.transcribed[-1][1]
    times = [time for one in found for s in one.segments for time in (s.start, s.end)]
    assert times == sorted(times)


def test_languages_that_are_only_confused_are_not_examined_again():
    engine = Polyglot(unsure="f")
    sentence = "." + "f" * 8 + ".." + "f" * 8 + "."
    listen(engine, window(sentence), window(sentence), window(sentence))
    assert engine.encoded == [1, 2, 1, 1]  # the pieces of the first window only


def test_a_window_of_uncertain_language_has_that_of_the_window_before():
    found = listen(Polyglot(unsure="f"), window(".dddddddd."), window(".ffff."))
    assert [one.language for one in found] == ["de", "de"]


def test_windows_are_encoded_in_batches():
    engine = Polyglot(batch=4)
    found = listen(engine, *[window(".eeee.")] * 6)
    assert len(found) == 6
    assert engine.encoded == [4, 2]


def test_speech_after_the_end_of_the_text_is_transcribed_again_in_its_place():
    engine = Polyglot(until=[4.0])
    _, rest = listen(engine, window("." + "e" * 20 + "."))
    assert rest.segments[0].start == pytest.approx(4.0 + 0.6, abs=2 * vad.FRAME_S)
    assert len(engine.transcribed) == 2


def test_a_short_remainder_and_one_without_progress_are_not_transcribed_again():
    engine = Polyglot(until=[10.0, 0.0])
    listen(engine, window("." + "e" * 20 + "."), window("." + "e" * 20 + "."))
    assert len(engine.transcribed) == 2


def test_without_voice_detection_nothing_is_transcribed_again():
    engine = Polyglot(until=[4.0])
    assert len(listen(engine, window("e" * 20), finds_voice=False)) == 1


def test_words_keep_their_time_where_silence_was_left_out():
    one = window(".eeee..eeee.")
    gap = 1000
    half = len(one.frames) // 2
    shortened = Window(
        one.places[:half] + [place + gap for place in one.places[half:]], one.frames, one.speech
    )
    (found,) = listen(Polyglot(), shortened)
    (segment,) = found.segments
    assert segment.start == pytest.approx(0.6, abs=0.15)
    assert segment.end == pytest.approx(
        len(one.frames) * vad.FRAME_S - 0.6 + gap * vad.FRAME_S, abs=0.15
    )


class Once(Polyglot):
    """An engine that gives a sentence once, however often a window has it; as Whisper does."""

    def __init__(self, *, probabilities=(1.0,) * 20, at=0.5):
        super().__init__()
        self.probabilities, self.at = iter(probabilities), at

    def transcribe(self, encoded, languages, _options):
        answers = []
        for window in encoded:
            self.transcribed.append(languages[0])
            words = [
                Word(text=" Again", start=self.at, end=self.at + 1, probability=1),
                Word(text=" and.", start=self.at + 1, end=self.at + 2, probability=1),
            ]
            text = Segment(
                text="Again and.",
                start=self.at,
                end=self.at + 2,
                probability=next(self.probabilities),
                words=words,
            )
            answers.append(Heard([text], len(window) * vad.FRAME_S))
        return answers


def starts(found):
    return [round(s.start, 1) for one in found for s in one.segments]


def test_a_sentence_that_the_model_gives_once_is_found_each_time_it_is_spoken():
    found = listen(Once(at=0.0), window("e" * 20))  # 9.6 s of speech, 2 s of text each
    assert starts(found) == pytest.approx([0, 2, 4, 6, 8], abs=0.2)
    assert sum(one.speech_s for one in found) == pytest.approx(9.6, abs=0.1)


def test_speech_before_the_first_word_is_transcribed_as_well():
    class Late(Once):
        def transcribe(self, encoded, languages, options):
            self.at = 3.0 if len(encoded[0]) * vad.FRAME_S > 4 else 0.5
            return super().transcribe(encoded, languages, options)

    found = listen(Late(), window("e" * 10))
    assert starts(found) == [0.5, 3.0]
    times = [time for one in found for s in one.segments for time in (s.start, s.end)]
    assert times == sorted(times)


def test_improbable_text_of_such_a_part_is_left_out():
    assert len(starts(listen(Once(at=0.0, probabilities=(0.8, 0.3)), window("e" * 8)))) == 1


def test_sound_that_gives_the_same_text_without_end_is_transcribed_a_limited_number_of_times():
    engine = Once(at=0.0)
    listen(engine, window("e" * 60))
    assert len(engine.transcribed) <= 13


def test_a_part_that_gives_no_text_is_transcribed_by_its_pieces():
    class Deaf(Once):
        def transcribe(self, encoded, languages, options):
            seconds = len(encoded[0]) * vad.FRAME_S
            found = super().transcribe(encoded, languages, options)
            return [Heard([], 0.0)] if 5 < seconds < 9 else found

    found = listen(Deaf(at=0.0), window("eeee" + "eeeeeee.." + "eeeeeee"))
    assert starts(found) == pytest.approx([0, 2, 6.1, 7.7], abs=0.2)
