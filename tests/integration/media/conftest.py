from functools import cache

import pytest

from pipeline.core.stage import Deadline, Source
from pipeline.media.probe import probe


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """``clip(plain)`` is the path of the clip that ``clips.plain`` writes; always named .mp4."""
    folder = tmp_path_factory.mktemp("clips")

    @cache
    def made(maker):
        path = folder / f"{maker.__name__}.mp4"
        maker(path)
        return path

    return made


@pytest.fixture
def source(clip):
    """The same, probed, as a stage gets it."""

    def made(maker):
        path = clip(maker)
        return Source(path=path, name=path.name, probe=probe(path))

    return made


@pytest.fixture
def run(source, tmp_path):
    """``run(stage, plain, crf=30)``: the stage's result; its files are below ``tmp_path``."""

    def made(stage, maker, **params):
        return stage.run(source(maker), stage.Params(**params), tmp_path, Deadline(120))

    return made
