"""An architecture in a Python file of one's own goes through every verb; what a model folder says is never run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from known_digits import digits_in

from unlearning.classifiers import networks
from unlearning.cli import main

NETS = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.norm, self.second = nn.BatchNorm2d(outside), nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.last, self.past = nn.BatchNorm2d(outside), nn.Conv2d(inside, outside, 1, stride, bias=False)

    def forward(self, rows):
        return (self.last(self.second(self.norm(self.first(rows)).relu())) + self.past(rows)).relu()

def resnet(*, channels, side, classes):
    body = [nn.Conv2d(channels, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), Block(8, 16, 2)]
    return nn.Sequential(*body, Block(16, 24, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, classes))

class ViT(nn.Module):
    def __init__(self, *, channels, side, classes):
        super().__init__()
        self.lift, self.place = nn.Conv2d(channels, 24, 2, 2), nn.Parameter(torch.zeros(1, (side // 2) ** 2, 24))
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(24, 2, 48, batch_first=True), 1)
        self.head = nn.Linear(24, classes)

    def forward(self, rows):
        return self.head(self.encoder(self.lift(rows).flatten(2).transpose(1, 2) + self.place).mean(1))

def tied(*, channels, side, classes):
    same = nn.Linear(64, 64)
    return nn.Sequential(nn.Flatten(), same, nn.ReLU(), same, nn.ReLU(), nn.Linear(64, classes))

def short(*, channels, side, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes - 1))

def narrow(*, channels, side, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(63, classes))

def strange(*, width):
    return nn.Linear(width, 10)

def words(**_):
    return "a model"

number = 7
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits in MNIST's format, and a file of networks."""
    folder = tmp_path_factory.mktemp("own")
    digits_in(folder / "digits", most=200)
    (folder / "nets.py").write_text(NETS)
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The command; (exit code, last line of what it said)."""
    code = main(["classifier", *words])
    return code, (capsys.readouterr().err.strip().splitlines() or [""])[-1]


@pytest.mark.parametrize("name", ["resnet", "ViT", "tied"])
def test_a_network_in_a_file_goes_through_every_verb(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    own = ("--module", f"{home / 'nets.py'}:{name}", "--data", str(home / "digits"))
    model, out = tmp_path / "model", tmp_path / "new"
    (tmp_path / "ids").write_text("train-00000\ntrain-00001\ntrain-00002\n")
    assert run(capsys, "train", *own, "--out", str(model), "--epochs", "1", "--folds", "2")[0] == 0
    asked = (*own, "--model", str(model), "--forget-ids", str(tmp_path / "ids"))
    assert run(capsys, "plan", *asked)[0] == 0
    code, said = run(capsys, "unlearn", *asked, "--out", str(out), "--budget", "0s", "--json", str(tmp_path / "u"))
    assert code == 0, said
    found = json.loads((tmp_path / "u").read_text())
    assert found["method"] == "oof_match"
    assert (name == "resnet") == any("counted anew" in reason for reason in found["reasons"])
    assert run(capsys, "audit", *asked, "--out", str(out), "--shadows", "2")[0] == 0
    method = ("--method", "neggrad_plus", "--trials", "1")
    assert run(capsys, "tune", *asked, *method, "--out", str(tmp_path / "tuned"))[0] == 0


def test_a_network_in_a_file_is_trained_in_parts_that_forget_exactly(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = ("--module", f"{home / 'nets.py'}:resnet", "--data", str(home / "digits"))
    (tmp_path / "ids").write_text("train-00003\n")
    trained = ("--epochs", "1", "--shards", "2")
    assert run(capsys, "train", *own, "--out", str(tmp_path / "m"), *trained)[0] == 0
    asked = ("--model", str(tmp_path / "m"), "--forget-ids", str(tmp_path / "ids"), "--out", str(tmp_path / "n"))
    assert run(capsys, "unlearn", *own, *asked, "--json", str(tmp_path / "u"))[0] == 0
    assert json.loads((tmp_path / "u").read_text())["exactness"] == "exact"


def test_a_folder_alone_runs_no_code_and_another_file_is_refused(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "ARCHITECTURES", dict(networks.ARCHITECTURES))
    data, model = ("--data", str(home / "digits")), str(tmp_path / "model")
    one = ("--module", f"{home / 'nets.py'}:resnet")
    assert run(capsys, "train", *data, *one, "--out", model, "--epochs", "1")[0] == 0
    monkeypatch.setattr(networks, "ARCHITECTURES", {"strided_cnn": networks.strided_cnn})  # as in a new process
    (tmp_path / "nets.py").write_text(NETS + "\nnumber = 8\n")
    for given in ((), ("--module", f"{tmp_path / 'nets.py'}:resnet")):
        code, said = run(capsys, "plan", *data, *given, "--model", model, "--forget-class", "1")
        assert code == 1 and "--module" in json.loads(said)["message"], said


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("nets.py:short", "10 finite logits"),
        ("nets.py:narrow", "RuntimeError"),
        ("nets.py:strange", "TypeError"),
        ("nets.py:words", "no torch.nn.Module"),
        ("nets.py:number", "no function or class"),
        ("nets.py:nobody", "no function or class"),
        ("nets.py", "FILE.py:NAME"),
        ("missing.py:resnet", "FILE.py:NAME"),
        ("broken.py:resnet", "SyntaxError"),
        ("leaving.py:resnet", "SystemExit"),
    ],
)
def test_what_is_no_network_is_refused_in_words(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, meant: str
) -> None:
    (home / "broken.py").write_text("def resnet(:")
    (home / "leaving.py").write_text("raise SystemExit(0)")
    own = ("--module", str(home / given), "--data", str(home / "digits"))
    code, said = run(capsys, "train", *own, "--out", str(tmp_path / "m"), "--epochs", "1")
    assert code == 1 and meant in json.loads(said)["message"], said
    assert not (tmp_path / "m").exists()
