"""The engines without PyTorch against openai-whisper on PyTorch, which runs in its own process."""

import json
import os
import subprocess
import sys
from statistics import median

import jiwer
import numpy as np
import pytest

from pipeline.stages.models import alignment_heads, conversion, registry, vocabulary
from pipeline.stages.transcribe import mel
from pipeline.stages.transcribe import stage as transcribe
from pipeline.stages.transcribe.transcript import Transcript

pytestmark = pytest.mark.models

REFERENCE = """
import base64, gzip, json, sys
from pathlib import Path
import numpy as np, torch, whisper
from pipeline.core.stage import Deadline, Source
from pipeline.media.probe import probe
from pipeline.stages.models import host
from pipeline.stages.transcribe import stage
from whisper.tokenizer import LANGUAGES, get_tokenizer

heads = {}
sizes = {"tiny": (4, 6), "base": (6, 8), "small": (12, 12), "medium": (24, 16), "large": (32, 20)}
for name, dump in whisper._ALIGNMENT_HEADS.items():
    kind = name.split(".")[0].split("-")[0]
    shape = (4, 20) if "turbo" in name else sizes[kind]
    mask = np.frombuffer(gzip.decompress(base64.b85decode(dump)), dtype=bool).reshape(shape)
    heads[whisper._MODELS[name].split("/")[-2]] = np.argwhere(mask).tolist()
sound = np.load(sys.argv[1])
mels = {}
for bins in (80, 128):
    whole = whisper.log_mel_spectrogram(sound, bins, padding=whisper.audio.N_SAMPLES)
    np.save(f"{sys.argv[1]}.{bins}.npy", whisper.pad_or_trim(whole, 3000).numpy())
spoken = get_tokenizer(True)
ranks = get_tokenizer(False).encoding._mergeable_ranks
host.use(host.ModelHost(threads=1, model_dir=Path(sys.argv[4])))
path = Path(sys.argv[2])
given = Source(path=path, name="a", probe=probe(path))
transcripts = {}
for vad in (True, False):
    work = Path(sys.argv[3], str(vad))
    work.mkdir()
    params = stage.Params(model="whisper-shapes", engine="openai-whisper", vad=vad)
    stage.run(given, params, work, Deadline(300))
    transcripts[str(vad)] = (work / "transcript.json").read_text()
assert "ctranslate2" not in sys.modules
print(json.dumps({
    "transcripts": transcripts,
    "heads": heads, "urls": whisper._MODELS, "languages": list(LANGUAGES),
    "special": [spoken.decode([token]) for token in range(spoken.eot, 51865)],
    "marks": list(get_tokenizer(False).non_speech_tokens),
    "text": [text.hex() for text in sorted(ranks, key=ranks.get)],
}))
"""


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("parity") / "sound.npy"
    rng = np.random.default_rng(0)
    np.save(path, rng.normal(0, 0.1, 7 * mel.RATE + 77).astype(np.float32))
    return path


@pytest.fixture(scope="module")
def reference(sound, speech, tmp_path_factory):
    """Return what one process with PyTorch says, because its imports take longest."""
    folders = tmp_path_factory.mktemp("openai"), os.environ["VIDEODROP_MODEL_DIR"]
    done = subprocess.run(
        [sys.executable, "-c", REFERENCE, *map(str, (sound, speech, *folders))],
        check=True, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize("bins", [80, 128])
@pytest.mark.usefixtures("reference")
def test_spectrograms_are_those_of_openai_whisper(sound, bins):
    ours = mel.log_mel(np.load(sound), bins)
    assert np.abs(ours - np.load(f"{sound}.{bins}.npy")).max() < 1e-4
    short = mel.log_mel(np.load(sound), bins, 1000)
    assert np.abs(short - ours[:, :1000]).max() < 1e-4


def test_alignment_heads_are_those_of_openai_whisper(reference):
    assert len(reference["heads"]) >= 12
    for sha256, heads in reference["heads"].items():
        assert [list(one) for one in alignment_heads.of(sha256)] == heads
    assert alignment_heads.of("0" * 64) is None


def test_the_pinned_digests_are_those_of_openai_whisper(reference):
    for name, url in reference["urls"].items():
        (file,) = registry.models()[f"{registry.ALIASES.get(name, name)}.pt"].files
        assert file.url == url
        assert file.sha256 == url.split("/")[-2]


def test_special_tokens_are_those_of_openai_whisper(reference):
    assert list(vocabulary.LANGUAGES) == reference["languages"]
    names = {"<|nospeech|>": "<|nocaptions|>"}  # CTranslate2 reads the older name
    special = [names.get(one, one) for one in reference["special"]]
    assert vocabulary.special(51_865)[: len(special) - 1501] == special[:-1501]


def test_the_marks_that_are_never_decoded_are_those_of_openai_whisper(reference):
    notation = {byte: char for char, byte in vocabulary._notation().items()}
    text = ["".join(notation[byte] for byte in bytes.fromhex(one)) for one in reference["text"]]
    assert len(text) == vocabulary.text_tokens(vocabulary.ENGLISH_ONLY)
    assert set(conversion._marks(text)) == set(reference["marks"])


@pytest.mark.parametrize("vad", [True, False])
def test_the_words_and_times_are_those_of_openai_whisper(fresh, speech, reference, vad):
    _, work = fresh(transcribe, speech, vad=vad)
    ours = Transcript.model_validate_json((work / "transcript.json").read_bytes())
    theirs = Transcript.model_validate_json(reference["transcripts"][str(vad)])
    assert theirs.model.engine == "openai-whisper"
    assert ours.model.engine == "ctranslate2"
    assert jiwer.wer(theirs.plain(), ours.plain()) <= 0.1
    pairs = [
        abs(a.start - b.start)
        for a, b in zip(theirs.words(), ours.words(), strict=False)
        if a.text == b.text
    ]
    assert len(pairs) >= 0.7 * len(theirs.words())
    assert median(pairs) <= 0.1
