"""The audit of dependencies is not taken for one where no advisory can be had."""

import pytest

from containers import audit

FOUND = [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}]
NOTHING = [{"name": "a", "version": "1", "vulns": []}]
SKIPPED = [{"name": "a", "skip_reason": "a was not found"}]


@pytest.fixture
def audited(monkeypatch, tmp_path, capsys):
    """Return the exit code and the output of an audit with given answers."""

    def run(*answers):
        rest = iter(answers)
        monkeypatch.setattr(audit, "_TOOL", tmp_path)
        monkeypatch.setattr(audit, "asked", lambda _pins: next(rest))
        try:
            audit.main()
        except SystemExit as end:
            return end.code, capsys.readouterr().out
        return None, capsys.readouterr().out

    return run


@pytest.mark.parametrize("answer", [NOTHING, SKIPPED, None], ids=["clean", "skipped", "none"])
def test_a_database_that_does_not_know_an_old_hole_is_not_one(audited, answer):
    assert audited(answer) == (None, f"{audit._NOT_AUDITED}\n")


def test_a_vulnerability_and_a_package_that_is_not_known_fail_the_check(audited):
    assert audited(FOUND, FOUND) == (1, "a 1: CVE-1, fixed in 2\n")
    assert audited(FOUND, SKIPPED) == (1, "a was not found\n")
    assert audited(FOUND, None)[0] == 1


def test_no_vulnerability_passes(audited):
    assert audited(FOUND, NOTHING)[0] == 0
