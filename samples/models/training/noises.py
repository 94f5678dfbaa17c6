"""Augmentations of speech: noise, music, rooms, codecs.

All functions take and return mono audio [samples] at 16 kHz, and draw only from the given
generator.
"""

from typing import Final

import numpy as np

from samples.chance import happens
from samples.ffmpeg import piped
from samples.speech import SAMPLE_RATE, Audio

_PRIMING: Final = 1024  # samples that ffmpeg's AAC encoder adds before the first
_SEMITONE: Final = 2 ** (1 / 12)


def noise(count: int, rng: np.random.Generator) -> Audio:
    """Return coloured noise of unit power, from white to nearly pink-brown."""
    spectrum = np.fft.rfft(rng.standard_normal(count).astype(np.float32))
    spectrum *= (np.arange(len(spectrum), dtype=np.float32) + 20) ** -rng.uniform(0, 1.2)
    sound = np.fft.irfft(spectrum, count).astype(np.float32)
    return _unit(sound)


def music(count: int, rng: np.random.Generator) -> Audio:
    """Return plucked or held chords of unit power, with a few overtones and a steady beat."""
    beat = int(SAMPLE_RATE * rng.uniform(0.25, 1.0))
    time = np.arange(min(2 * beat, count), dtype=np.float32) / SAMPLE_RATE
    envelope = np.exp(-time * rng.uniform(0.5, 6)) * np.minimum(1, time * 200)
    root = rng.uniform(80, 300)
    overtones = rng.integers(1, 6)
    sound = np.zeros(count + len(time), np.float32)
    for start in range(0, count, beat):
        for step in rng.choice([0, 3, 4, 5, 7, 9, 12, 14, 16, 19], size=rng.integers(1, 4)):
            pitch = root * _SEMITONE ** int(step)
            for overtone in range(1, overtones + 1):
                wave = np.sin(2 * np.pi * pitch * overtone * time) / overtone
                sound[start : start + len(time)] += (envelope * wave).astype(np.float32)
    return _unit(sound[:count])


def room(audio: Audio, rng: np.random.Generator) -> Audio:
    """Return the audio with a short decaying echo, as in a small room."""
    length = int(SAMPLE_RATE * rng.uniform(0.05, 0.35))
    decay = np.exp(-np.linspace(0, 6, length)).astype(np.float32)
    echo = rng.standard_normal(length).astype(np.float32) * decay
    echo[0] = 0
    echo *= rng.uniform(0.05, 0.5) / (np.sqrt((echo**2).sum()) + 1e-9)
    size = len(audio) + length
    wet = np.fft.irfft(np.fft.rfft(audio, size) * np.fft.rfft(echo, size), size)
    return audio + wet[: len(audio)].astype(np.float32)


def equalise(audio: Audio, rng: np.random.Generator) -> Audio:
    """Return the audio through a random smooth filter, sometimes a lowpass at 3.4 to 8 kHz."""
    spectrum = np.fft.rfft(audio)
    place = np.linspace(0, 1, len(spectrum), dtype=np.float32)  # 1 is 8 kHz
    tilt = rng.uniform(-0.6, 0.4) * place
    ripple = 0.3 * np.sin(place * rng.uniform(2, 12) + rng.uniform(0, 6))
    spectrum *= 10 ** ((tilt + ripple) * rng.random())
    if happens(rng, 0.3):
        cut = rng.uniform(3400, 8000) / (SAMPLE_RATE / 2)
        spectrum *= 1 / (1 + np.exp(np.clip((place - cut) * 60, -50, 50)))
    filtered: Audio = np.fft.irfft(spectrum, len(audio)).astype(np.float32)
    return filtered


def through_aac(audio: Audio, kilobits: int) -> Audio:
    """Return the audio after AAC at a bit rate (kbit/s), by ffmpeg's encoder.

    The encoder's delay is removed, so that samples keep their positions.
    """
    raw = f"-f f32le -ar {SAMPLE_RATE} -ac 1"
    # Sound tracks of videos are sampled at 44.1 or 48 kHz: the encoder must use that rate.
    encode = f"{raw} -i pipe:0 -ar 44100 -c:a aac -b:a {kilobits}k -f adts pipe:1"
    cut = f"-af atrim=start_sample={_PRIMING},asetpts=N"
    coded = piped(encode.split(), audio.astype("<f4").tobytes())
    decoded = np.frombuffer(piped(f"-f aac -i pipe:0 {cut} {raw} pipe:1".split(), coded), "<f4")
    result = np.zeros_like(audio)
    count = min(len(result), len(decoded))
    result[:count] = decoded[:count]
    return result


def _unit(sound: Audio) -> Audio:
    return sound / np.float32(sound.std() + 1e-9)
