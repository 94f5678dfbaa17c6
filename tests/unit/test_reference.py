"""The reference is what the code says."""

from pathlib import Path

import pytest

from docs.generate import PAGES
from docs.generate.__main__ import REFERENCE, main

GLOSSARY = "glossary"  # written by hand


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_the_code_has_it(name: str):
    committed = (REFERENCE / f"{name}.md").read_text(encoding="utf-8")
    assert committed == PAGES[name](), "run `make docs`"


def test_no_page_is_left_behind():
    assert {path.stem for path in REFERENCE.glob("*.md")} == {*PAGES, GLOSSARY}


def test_every_setting_option_and_field_of_a_table_has_a_meaning():
    for name in ("settings", "parameters", "cli"):
        for line in (REFERENCE / f"{name}.md").read_text(encoding="utf-8").splitlines():
            assert not line.endswith("|  |"), line


def test_the_command_writes_every_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("docs.generate.__main__.REFERENCE", tmp_path)
    monkeypatch.setattr("docs.generate.client.files", lambda: {tmp_path / "client" / "x.py": ""})
    main()
    assert {path.stem for path in tmp_path.glob("*.md")} == set(PAGES)
    assert (tmp_path / "client" / "x.py").is_file()
