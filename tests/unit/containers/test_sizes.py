"""The sizes of the images."""

import json

from containers import dockerfile, sizes

BUDGETS = json.loads(sizes.BUDGETS.read_text())


def test_every_image_has_a_budget():
    stages = dockerfile.read().values()
    assert set(BUDGETS) == {s.name for s in stages if any(x.word == "CMD" for x in s.steps)} | {
        "gpu"
    }


def test_the_image_of_lambdas_stages_starts_fast_because_it_is_small():
    assert sum(BUDGETS["cpu"].values()) <= 900


def test_a_layer_over_its_budget_is_reported():
    budgets = {"api": {"packages": 100, "code": 8}}
    fine = {"packages": 100_000_000, "code": 1}
    assert sizes.over("api", fine, budgets) == []
    assert sizes.over("api", fine | {"code": 8_500_000}, budgets) == [
        "api: code has 8 MB, and a budget of 8 MB"
    ]


def test_files_count_towards_their_layer_and_package(tmp_path):
    site = tmp_path / "opt" / "venv" / "lib" / "python3.11" / "site-packages"
    info = site / "heavy-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "heavy.py").write_bytes(b"x" * 1000)
    (info / "METADATA").write_text("Name: heavy\nVersion: 1.0\n")
    (info / "RECORD").write_text("heavy.py,,\nheavy-1.0.dist-info/METADATA,,\nnone.py,,\n")
    (tmp_path / "opt" / "app" / "pipeline").mkdir(parents=True)
    (tmp_path / "opt" / "app" / "pipeline" / "a.py").write_bytes(b"x" * 50)
    found = sizes.layers("api", tmp_path)
    assert found == {
        "debian": {},
        "packages": {"heavy": 1000 + (info / "METADATA").stat().st_size},
        "code": {"pipeline": 50},
    }


def test_files_of_an_earlier_rehearsal_are_not_measured(tmp_path, monkeypatch):
    def run(self):
        self.image.mkdir(parents=True)
        (self.image / "now").touch()

    monkeypatch.setattr(sizes.Rehearsal, "run", run)
    folder = tmp_path / "api"
    (folder / "image").mkdir(parents=True)
    (folder / "image" / "before").touch()
    for _ in range(2):
        image = sizes.rehearsed("api", folder)
        assert [path.name for path in image.iterdir()] == ["now"]
