"""Every alarm that ``infra/`` makes has its section in the runbook, and every section its alarm."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "how-to" / "runbook.md").read_text()
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))
RESOURCE = re.compile(
    r'^resource "(aws_cloudwatch_metric_alarm|aws_cloudwatch_composite_alarm|aws_budgets_budget)" '
    r'"\w+" \{\n(.*?)^\}',
    re.MULTILINE | re.DOTALL,
)


def attribute(name: str, body: str) -> str:
    (found,) = re.findall(rf'^  {name} += "(.*)"$', body, re.MULTILINE)
    return found


def alarms() -> dict[str, str]:
    """Each alarm's last word, with its description; a budget has none."""
    found = {}
    for path in (ROOT / "infra").rglob("*.tf"):
        for kind, body in RESOURCE.findall(path.read_text()):
            if kind == "aws_budgets_budget":
                found["budget"] = None
                continue
            # What differs from alarm to alarm stands before.
            word = attribute("alarm_name", body).rsplit("-", 1)[-1]
            assert re.fullmatch(r"\w+", word), f"{path}: an alarm's name ends with a word"
            found[word] = attribute("alarm_description", body)
    return found


ALARMS = alarms()


def test_every_alarm_has_a_section_and_every_section_an_alarm():
    assert sorted(SECTIONS) == sorted(ALARMS)


@pytest.mark.parametrize("word", SECTIONS)
def test_a_section_says_what_it_means_where_to_look_and_what_to_do(word: str):
    parts = re.findall(r"^\*\*(.+?)\.\*\*", SECTIONS[word], re.MULTILINE)
    assert parts == ["Meaning", "First look", "Action"]
    first_look = SECTIONS[word].split("**First look.**")[1].split("**Action.**")[0]
    # A command to type, or the section that has it.
    assert "$ " in first_look or "](#" in first_look


@pytest.mark.parametrize("word", [word for word, said in ALARMS.items() if said is not None])
def test_an_alarms_description_leads_to_its_section(word: str):
    assert f"docs/how-to/runbook.md#{word}" in ALARMS[word]
