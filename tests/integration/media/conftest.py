from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.core.stage import Deadline, Result, Source
from pipeline.media.probe import probe


class Made(NamedTuple):
    """The result of a stage, and the folder of its files."""

    result: Result
    folder: Path

    @property
    def master(self):
        return self.folder / "hls" / "master.m3u8"


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Return a function: ``clip(plain)`` is the path of ``clips.plain``, always named .mp4.

    Makers of one name in two modules write into two folders.
    """

    @cache
    def made(maker):
        path = tmp_path_factory.mktemp("clips") / f"{maker.__name__}.mp4"
        maker(path)
        return path

    return made


@pytest.fixture(scope="session")
def source(clip):
    """Return a function like ``clip`` whose value is a probed source, the input of a stage."""

    @cache
    def made(maker):
        path = clip(maker)
        return Source(path=path, name=path.name, probe=probe(path))

    return made


@pytest.fixture
def run(source, tmp_path):
    """Return a function: ``run(stage, plain, crf=30)`` runs a stage; files are in ``tmp_path``."""

    def made(stage, maker, **params):
        return stage.run(source(maker), stage.Params(**params), tmp_path, Deadline(120))

    return made


@pytest.fixture(scope="session")
def made(source, tmp_path_factory):
    """Return a function like ``run`` that runs each stage once; tests only read its ``Made``."""

    @cache
    def once(stage, maker, **params):
        folder = tmp_path_factory.mktemp(maker.__name__)
        given = stage.Params(**params)
        return Made(stage.run(source(maker), given, folder, Deadline(120)), folder)

    return once
