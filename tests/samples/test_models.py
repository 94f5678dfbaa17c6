"""The committed checkpoints are intact, clean, in the official format, and accurate."""

import hashlib
import json
import pickletools
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipeline.core.stage import Deadline, Source
from pipeline.media.probe import probe
from pipeline.stages.detect import stage as detect
from pipeline.stages.transcribe import stage as transcribe
from samples import generate, grammar
from samples.scoring import Hearing
from samples.speech import Word

SAMPLES = Path(generate.__file__).parent
FOLDER = SAMPLES / "models"
CHECKPOINTS = tuple(FOLDER / f"{name}-shapes.pt" for name in ("whisper", "yolo"))
TOKENS = FOLDER / "whisper-shapes.vocabulary.json"
FILES = (*CHECKPOINTS, TOKENS, FOLDER / "yolo-shapes.onnx")


def test_sums_match():
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(listed) == {path.name for path in FILES}
    for path in FILES:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == listed[path.name]


def test_they_are_small():
    assert sum(path.stat().st_size for path in CHECKPOINTS) <= 4_000_000
    assert (FOLDER / "yolo-shapes.onnx").stat().st_size <= 2_500_000


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: path.stem)
def test_every_checkpoint_has_a_card(path):
    card = path.with_suffix(".md").read_text()
    for heading in ("Data", "Recipe", "Figures", "Limits", "Licence"):
        assert f"## {heading}" in card


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_vocabulary_has_all_tokens_of_the_words_and_each_byte(tmp_path):
    from samples.models.training import vocabulary  # noqa: PLC0415 - imports torch, which is slow

    vocabulary.write(grammar.words(), tmp_path / TOKENS.name)
    assert (tmp_path / TOKENS.name).read_bytes() == TOKENS.read_bytes()
    numbers = json.loads(TOKENS.read_text(encoding="utf-8"))
    known = vocabulary.Vocabulary(grammar.words())
    text = {token for token in known.used if token < 50_256}
    assert text < set(numbers.values())
    assert set(range(256)) < set(numbers.values()), "GPT-2's first tokens are the bytes"


def strings(path: Path) -> list[str]:
    """Return all text in a checkpoint's pickle."""
    with zipfile.ZipFile(path) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith("/data.pkl"))
        pickled = archive.read(name)
    return [arg for _, arg, _ in pickletools.genops(pickled) if isinstance(arg, str)]


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: path.stem)
def test_a_checkpoint_has_no_data_of_a_machine(path):
    found = strings(path)
    assert found
    path_like = re.compile(
        r"^(~|\.{0,2}/|[A-Z]:\\)|/(home|root|tmp|usr|work|users)\b", re.IGNORECASE
    )
    assert [text for text in found if path_like.search(text)] == []
    assert [text for text in found if "@" in text] == []
    with zipfile.ZipFile(path) as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {1980}


def run(code: str) -> str:
    """Run code in a child process: these libraries change the process that imports them."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.models
def test_whisper_loads_in_the_official_library():
    code = f"""
import json, whisper
model = whisper.load_model({str(CHECKPOINTS[0])!r}, device="cpu")
print(json.dumps([model.is_multilingual, model.dims.n_vocab, model.dims.n_audio_ctx]))
"""
    assert json.loads(run(code)) == [False, 51864, 1500]


@pytest.mark.models
def test_yolo_loads_in_the_official_library_even_without_trust_in_pickles(tmp_path):
    code = f"""
import json, os
os.environ |= {{"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false",
               "YOLO_CONFIG_DIR": {str(tmp_path)!r}, "ULTRALYTICS_SAFE_LOAD": "true"}}
from ultralytics import YOLO
model = YOLO({str(CHECKPOINTS[1])!r})
print(json.dumps([model.task, list(model.names.values()), model.overrides["imgsz"]]))
"""
    assert json.loads(run(code)) == ["detect", list(grammar.SHAPES), 320]


def through(stage, name: str, work: Path) -> Path:
    path = SAMPLES / f"{name}.mp4"
    stage.run(Source(path=path, name=name, probe=probe(path)), stage.Params(), work, Deadline(300))
    return work


@pytest.mark.models
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["landscape", "speech-only"])
def test_the_speech_of_the_samples_is_transcribed(name, tmp_path):
    work = through(transcribe, name, tmp_path)
    segments = json.loads((work / "transcript.json").read_text())["segments"]
    heard = [Word(w["text"], w["start"], w["end"]) for one in segments for w in one["words"]]
    truth = json.loads((SAMPLES / f"{name}.truth.json").read_text())
    score = Hearing()
    score.add([Word(w["word"], w["start"], w["end"]) for w in truth["words"]], heard)
    assert score.word_error_rate <= 0.15
    assert score.start_error(0.5) <= 0.15


@pytest.mark.models
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["landscape", "portrait", "silent"])
def test_the_shapes_of_the_samples_are_detected(name, tmp_path):
    work = through(detect, name, tmp_path)
    found = json.loads((work / "detections.json").read_text())["frames"]
    truth = json.loads((SAMPLES / f"{name}.truth.json").read_text())["frames"]
    assert [f["time"] for f in found] == pytest.approx([f["time"] for f in truth], abs=0.01)
    labels = lambda frames: [{one["label"] for one in frame["objects"]} for frame in frames]  # noqa: E731
    right = [a == b for a, b in zip(labels(found), labels(truth), strict=True)]
    assert sum(right) >= 0.75 * len(right)
