"""The commands and paths in the documentation exist."""

import os
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import typer.main
from botocore import xform_name

from pipeline.cli import commands

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    {
        path
        for pattern in ("*.md", "*/*.md", "docs/**/*.md", "infra/**/*.md")
        for path in ROOT.glob(pattern)
        if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    }
)
# In Terraform, descriptions of alarms say what to type.
SOURCES = [*DOCUMENTS, *sorted((ROOT / "infra").rglob("*.tf"))]
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Where a command begins: a line, a pipe, a substitution, the body of a loop; variables may precede.
BEGINS = r"(?:^(?:\$ )?\s*|(?:\||&&|;|\bdo|\$\() ?)(?:[A-Z_]+=\S+ )*"
# Commands of the AWS command line that are its own, and no operation of a service's model.
OWN = {
    ("s3", "cp"),
    ("s3", "ls"),
    ("s3", "rm"),
    ("s3", "sync"),
    ("logs", "tail"),
    ("ecr", "get-login-password"),
}
OF_ALL = {"--query", "--output", "--region", "--profile", "--endpoint-url", "--max-items"}
# A path below one of our folders; with a placeholder it is none.
OURS = re.compile(r"(?:pipeline|handlers|infra|containers|docs|samples|tests|benchmarks)/[\w./-]*")
# Files that a reader makes.
THEIRS = {"infra/terraform.tfvars", "containers/base.digest"}
RENAMED = {"s3api": "s3", "deploy": "codedeploy"}


def where(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def typed(text: str) -> Iterator[str]:
    """Everything in a text that is meant to be typed: fenced blocks by line, and code spans."""
    for block in FENCED.findall(text):
        yield from re.sub(r"\\\n\s*", " ", block).splitlines()
    for span in re.findall(r"`([^`]+)`", FENCED.sub("", text)):
        yield " ".join(span.split())


def words(command: str) -> list[str]:
    """A command's words, up to where another command or a comment begins."""
    found = shlex.shlex(command, posix=True, punctuation_chars=True)
    found.whitespace_split = True
    found.commenters = "#"
    taken = []
    for word in found:
        if set(word) <= set("|;&()<>"):
            break
        taken.append(word)
    return taken


@cache
def said(program: str) -> list[tuple[str, list[str]]]:
    """Each use of a program in the documentation: where, and the words after its name."""
    found = []
    for path in SOURCES:
        for line in typed(path.read_text()):
            for match in re.finditer(rf"{BEGINS}{program} (?=[a-z-])", line):
                try:
                    found.append((path.name, words(line[match.end() :])))
                except ValueError:  # the quotation around it ends within
                    found.append((path.name, words(line[match.end() :].rstrip('")'))))
    return found


def uses(program: str) -> list[object]:
    return [pytest.param(given, id=f"{name}: {' '.join(given)}") for name, given in said(program)]


@cache
def _command() -> Any:
    return typer.main.get_command(commands.app)


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


def options(given: list[str]) -> set[str]:
    return {word.split("=")[0] for word in given if word.startswith("--")}


@pytest.mark.parametrize("given", uses("videodrop"))
def test_every_videodrop_command_exists_with_its_options(given: list[str]):
    command = _command()
    known = {"--help"}
    for word in given:
        if word not in getattr(command, "commands", {}):
            break
        command = command.commands[word]
    else:
        word = ""
    # A group's own options, e.g. `videodrop replays --limit`, stand before its commands.
    assert not hasattr(command, "commands") or not word or word.startswith("-"), word
    known |= {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    assert options(given) <= known


@pytest.mark.parametrize("given", uses("aws"))
def test_every_aws_command_exists_with_its_options(given: list[str]):
    while given[0].startswith("--"):  # options of all may stand first, those with a value, too
        given = given[2:]
    service, operation, *rest = given
    if (service, operation) in OWN:
        return
    service = RENAMED.get(service, service)
    session = _session()
    model = session.get_service_model(service)
    if operation == "wait":
        waiters = session.get_waiter_model(service)
        names = {xform_name(name, "-"): name for name in waiters.waiter_names}
        found = waiters.get_waiter(names[rest[0]]).operation
    else:
        found = {xform_name(name, "-"): name for name in model.operation_names}[operation]
    shape = model.operation_model(found).input_shape
    known = {f"--{xform_name(member, '-')}" for member in shape.members}
    switches = [name for name, member in shape.members.items() if member.type_name == "boolean"]
    known |= {f"--no-{xform_name(name, '-')}" for name in switches}
    assert options(rest) <= known | OF_ALL | {"--cli-input-json"}


@pytest.mark.parametrize("given", uses("make"))
def test_every_make_target_exists(given: list[str]):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert given[0] in targets


def test_every_script_exists_and_can_be_started():
    documents = "\n".join(path.read_text() for path in DOCUMENTS)
    scripts = set(re.findall(r"\b(?:infra|containers)/\w+\.sh\b", documents))
    assert {"infra/functions.sh", "containers/build.sh"} <= scripts
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)


def test_every_variable_and_output_of_terraform_exists():
    folders = (ROOT / "infra", *(ROOT / "infra" / "examples").iterdir())
    sources = "\n".join(path.read_text() for folder in folders for path in folder.glob("*.tf"))
    documents = "\n".join(path.read_text() for path in DOCUMENTS)
    variables = set(re.findall(r"TF_VAR_(\w+)|-var '?(\w+)=", documents))
    assert variables
    for names in variables:
        assert f'variable "{"".join(names)}"' in sources
    outputs = set(re.findall(r"terraform output (?:-\w+ )*(\w+)", documents))
    assert outputs
    for name in outputs:
        assert f'output "{name}"' in sources


@pytest.mark.parametrize("document", DOCUMENTS, ids=where)
def test_every_link_leads_somewhere(document: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if target.startswith(("http", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        found = (document.parent / path) if path else document
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=where)
def test_every_path_that_a_document_names_exists(document: Path):
    if document.name == "CHANGELOG.md":
        return  # it tells of what was
    for span in re.findall(r"`([^`\s]+)`", FENCED.sub("", document.read_text())):
        if OURS.fullmatch(span) and span not in THEIRS:
            assert (ROOT / span).exists(), span


def links(document: Path) -> set[Path]:
    targets = re.findall(r"\]\(([^)#\s]+)", document.read_text())
    return {(document.parent / target).resolve() for target in targets}


def test_the_index_lists_every_page():
    pages = set((ROOT / "docs").rglob("*.md")) - {ROOT / "docs" / "README.md"}
    decisions = {page for page in pages if page.parent.name == "decisions"}
    index = ROOT / "docs" / "decisions" / "README.md"
    assert pages - decisions | {index} <= links(ROOT / "docs" / "README.md")
    assert decisions - {index} == links(index)


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("[!R]*.md")), ids=where)
def test_a_decision_is_short_and_has_its_three_parts(page: Path):
    text = page.read_text()
    parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert parts == ["Context", "Decision", "Consequences"]
    assert len(text.splitlines()) <= 40


def anchors(document: Path) -> set[str]:
    """Of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
