"""Speech with known word times, from flite's own library."""

import ctypes
from functools import cache
from typing import Any, Final

import numpy as np

from samples.speech import SAMPLE_RATE, Utterance, Word, resample

VOICES: Final = ("slt", "rms", "awb")

_FIRST_SOUND: Final = b"daughter1.R:SylStructure.daughter1.daughter1.R:Segment.p.end"
_LAST_SOUND: Final = b"daughtern.R:SylStructure.daughtern.daughtern.R:Segment.end"


class _Wave(ctypes.Structure):
    """The struct ``cst_wave`` of flite."""

    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


def installed() -> bool:
    """Return whether flite's library and voices are on this machine."""
    try:
        for voice in VOICES:
            _voice(voice)
    except OSError:
        return False
    return True


def speak(text: str, voice: str) -> Utterance:
    """Speak a sentence (without a full stop); the same text always gives the same samples."""
    library = _library()
    spoken = _call("flite_synth_text", ctypes.c_void_p)(
        ctypes.c_char_p(f"{text}.".encode()), ctypes.c_void_p(_voice(voice))
    )
    said = ctypes.c_void_p(spoken)
    try:
        wave = _call("utt_wave", ctypes.POINTER(_Wave))(said).contents
        raw = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).astype(np.float32)
        audio = resample(raw / np.float32(32768), wave.sample_rate, SAMPLE_RATE)
        words = tuple(_words(said))
    finally:
        library.delete_utterance(said)
    return Utterance(text, f"flite {voice}", audio, words, SAMPLE_RATE)


def _words(said: ctypes.c_void_p) -> list[Word]:
    """Return the tokens of an utterance with the times of their first and last sounds."""
    relation = _call("utt_relation", ctypes.c_void_p)(said, ctypes.c_char_p(b"Token"))
    item = _call("relation_head", ctypes.c_void_p)(ctypes.c_void_p(relation))
    text, time = _call("ffeature_string", ctypes.c_char_p), _call("ffeature_float", ctypes.c_float)
    following = _call("item_next", ctypes.c_void_p)
    words = []
    while item:
        at = ctypes.c_void_p(item)
        name = text(at, ctypes.c_char_p(b"name")).decode()
        start, end = (time(at, ctypes.c_char_p(path)) for path in (_FIRST_SOUND, _LAST_SOUND))
        words.append(Word(name, float(start), float(end)))
        item = following(at)
    return words


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libflite.so.1")
    library.flite_init()
    return library


@cache
def _voice(name: str) -> int:
    _library()
    for needed in ("cmulex", "usenglish"):
        ctypes.CDLL(f"libflite_{needed}.so.1", ctypes.RTLD_GLOBAL)
    register = getattr(ctypes.CDLL(f"libflite_cmu_us_{name}.so.1"), f"register_cmu_us_{name}")
    register.restype = ctypes.c_void_p
    return int(register(None))


def _call(name: str, result: Any) -> Any:
    function = getattr(_library(), name)
    function.restype = result
    return function
