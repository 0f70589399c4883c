"""Published formats are read, damaged ones refused in words; the command trains, forgets and audits by folders."""

from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from known_digits import digits_in, idx
from PIL import Image

from unlearning.classifiers import networks
from unlearning.classifiers.data import open_folder
from unlearning.cli import main
from unlearning.errors import MissingWeights, ModelError, PickledWeights, RowsError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits in MNIST's format."""
    home = tmp_path_factory.mktemp("data") / "digits"
    digits_in(home)
    return home


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The command; (exit code, last line of what it said)."""
    code = main(["classifier", *words])
    return code, (capsys.readouterr().err.strip().splitlines() or [""])[-1]


def test_the_command_trains_forgets_and_audits(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, model, out = ("--data", str(folder)), tmp_path / "model", tmp_path / "new"
    assert run(capsys, "train", *data, "--out", str(model), "--epochs", "12")[0] == 0
    before = (model / "model.safetensors").read_bytes()
    code, said = run(
        capsys, "unlearn", *data, "--model", str(model), "--forget-class", "5", "--out", str(out),
        "--budget", "0s", "--json", str(tmp_path / "u.json"),
    )  # fmt: skip
    assert code == 0, said
    result = json.loads((tmp_path / "u.json").read_text())
    assert result["method"] == "project_distil" and result["gate"] in ("inconclusive", "fail")
    assert (model / "model.safetensors").read_bytes() == before != (out / "model.safetensors").read_bytes()
    assert run(capsys, "unlearn", *data, "--model", str(model), "--forget-class", "5", "--out", str(out))[0] == 1
    for words, meant in (
        (["--forget-class", "eleven"], "no such class"),
        (["--forget-class", "1", "--forget-ids", "x"], "one of the two"),
        (["--forget-class", "1", "--budget", "soon"], "seconds"),
    ):
        code, said = run(capsys, "unlearn", *data, "--model", str(model), "--out", str(tmp_path / "other"), *words)
        assert code == 1 and meant in json.loads(said)["message"]


def cifar_in(home: Path) -> None:
    """Coloured squares with noise in CIFAR-10's pickled format (the binary one holds the same): the colour says it."""
    chance = np.random.default_rng(0)
    home.mkdir(parents=True)
    for name, rows in (("data_batch_1", 150), ("data_batch_2", 50), ("test_batch", 100)):
        labels = np.arange(rows) % 10
        shade = np.repeat(np.c_[labels * 25, 250 - labels * 25, (labels % 3) * 100], 1024, axis=1)
        pixels = np.clip(shade + chance.integers(-20, 20, (rows, 3072)), 0, 255)
        (home / name).write_bytes(pickle.dumps({b"data": pixels.astype(np.uint8), b"labels": labels.tolist()}, 2))


def test_cifars_published_format_goes_through_every_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cifar_in(tmp_path / "c" / "cifar-10-batches-py")
    data, model, new = ("--data", str(tmp_path / "c")), tmp_path / "m", tmp_path / "n"
    cat = ("--model", str(model), "--forget-class", "cat")
    assert run(capsys, "train", *data, "--out", str(model), "--epochs", "8")[0] == 0
    assert run(capsys, "train", *data, "--out", str(tmp_path / "r"), "--epochs", "8", "--without-class", "cat")[0] == 0
    assert run(capsys, "plan", *data, *cat, "--json", str(tmp_path / "p.json"))[0] == 0
    assert json.loads((tmp_path / "p.json").read_text())["choices"][0]["method"] == "retrain"
    assert run(capsys, "unlearn", *data, *cat, "--method", "project_distil", "--out", str(new))[0] == 0
    beside = ("--references", str(tmp_path / "r"), "--json", str(tmp_path / "a.json"))
    assert run(capsys, "audit", *data, *cat, "--out", str(new), *beside)[0] == 0
    figures = {f["name"]: f["value"] for f in json.loads((tmp_path / "a.json").read_text())["figures"] if not f["note"]}
    assert figures["recognition of the class"] < 0.2, figures
    few = ("--method", "project_distil", "--trials", "2", "--out", str(tmp_path / "t"))
    assert run(capsys, "tune", *data, *cat, *few)[0] == 0
    (tmp_path / "ids").write_text("train-00003\n")
    one = ("--model", str(model), "--forget-ids", str(tmp_path / "ids"), "--out", str(model), "--shadows", "2")
    assert run(capsys, "audit", *data, *one, "--json", str(tmp_path / "o.json"))[0] == 0
    assert json.loads((tmp_path / "o.json").read_text())["gate"] == "inconclusive"


def test_damaged_and_foreign_files_are_refused_in_words(folder: Path, tmp_path: Path) -> None:
    names = [path.name for path in folder.iterdir()]
    for name in names:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    path = tmp_path / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    for damaged in (
        whole[: len(whole) // 2],
        b"",
        gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12),
        gzip.compress(b"PNG"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(RowsError):
            open_folder(tmp_path)
    with pytest.raises(RowsError, match="no such folder"):
        open_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RowsError, match="no IDX files"):
        open_folder(tmp_path / "empty")


def test_cifars_binary_batches_and_folders_of_images_are_read(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    rows = np.c_[np.arange(20) % 10, chance.integers(0, 256, (20, 3072))].astype(np.uint8)
    for name in ("data_batch_1.bin", "test_batch.bin"):
        (tmp_path / name).write_bytes(rows.tobytes())
    data = open_folder(tmp_path)
    assert data.train.features.shape == (20, 3, 32, 32) and data.names[3] == "cat"
    (tmp_path / "test_batch.bin").write_bytes(rows.tobytes()[:-1])
    with pytest.raises(RowsError, match="multiple"):
        open_folder(tmp_path)
    home = tmp_path / "pictures"
    for name in ("cats", "dogs"):
        (home / name).mkdir(parents=True)
        for n in range(5):
            Image.fromarray(chance.integers(0, 256, (20, 24, 3)).astype(np.uint8)).save(home / name / f"{n}.png")
    pictures = open_folder(home)
    assert pictures.names == ("cats", "dogs") and len(pictures.train) + len(pictures.test) == 10
    held = set(pictures.test.ids)
    (home / pictures.train.ids[-1]).unlink()  # what is deleted moves nothing else between learned and held out
    assert set(open_folder(home).test.ids) == held
    (home / "cats" / "ana@x.example.png").write_bytes(b"not an image")
    with pytest.raises(RowsError, match="file 6 in the folder of class 1") as caught:
        open_folder(home)
    assert "ana@x" not in str(caught.value) and "cats" not in str(caught.value)


def test_pictures_of_every_kind_become_upright_colours_and_an_empty_folder_is_no_class(tmp_path: Path) -> None:
    deep = Image.fromarray(np.full((9, 9), 32768, np.uint16))
    clear = Image.new("RGBA", (9, 9), (255, 0, 0, 0))
    kinds = {
        "deep.png": deep,
        "clear.png": clear,
        "grey.jpg": Image.new("L", (50, 9), 200),
        "bits.png": Image.new("1", (3, 3)),
    }
    for part, name in (("train", "b"), ("train", "a"), ("test", "a")):
        (tmp_path / part / name).mkdir(parents=True)
        for file, image in kinds.items():
            image.save(tmp_path / part / name / file)
    (tmp_path / "train" / "none").mkdir()
    data = open_folder(tmp_path)
    assert not set(data.test.ids) & set(data.train.ids), "a name that stands in both parts is two rows"
    shades = dict(zip(data.test.ids, data.test.features.mean((1, 2, 3)).tolist(), strict=True))
    assert data.names == ("a", "b") and len(data.train) == 8
    assert abs(shades["test/a/deep.png"] - 0.5) < 0.01
    assert shades["test/a/clear.png"] == 1.0 and shades["test/a/bits.png"] == 0.0
    (tmp_path / "test" / "zoe-lindqvist").mkdir()
    kinds["bits.png"].save(tmp_path / "test" / "zoe-lindqvist" / "z.png")
    with pytest.raises(RowsError, match="align") as caught:
        open_folder(tmp_path)
    assert "zoe-lindqvist" not in str(caught.value)


def test_letters_have_more_classes_and_a_named_row_that_was_held_out_is_no_error(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels, labels = np.zeros((52, 8, 8)), np.arange(52) % 26
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(pixels))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
    assert open_folder(tmp_path).train.classes == 26
    data, model, ids = ("--data", str(tmp_path)), str(tmp_path / "m"), tmp_path / "ids"
    assert run(capsys, "train", *data, "--out", model, "--epochs", "1")[0] == 0
    ids.write_text("test-00003\n")
    out = ("--out", str(tmp_path / "n"), "--json", str(tmp_path / "n.json"))
    assert run(capsys, "unlearn", *data, "--model", model, "--forget-ids", str(ids), *out)[0] == 0
    assert json.loads((tmp_path / "n.json").read_text())["scope"] == "none"
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(pixels[:0]))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(labels[:0]))
    with pytest.raises(RowsError, match="some of each"):
        open_folder(tmp_path)


def test_model_folders_bring_no_code_and_no_half(tmp_path: Path) -> None:
    from unlearning.classifiers.outcome import Recipe

    recipe = Recipe("mlp", {"inputs": 4, "classes": 2})
    networks.save(networks.build(recipe, seed=0), recipe, tmp_path / "m")
    assert networks.load(tmp_path / "m")[1] == recipe
    (tmp_path / "m" / "model.safetensors").rename(tmp_path / "m" / "model.pt")
    with pytest.raises(PickledWeights):
        networks.load(tmp_path / "m")
    (tmp_path / "m" / "model.pt").unlink()
    with pytest.raises(MissingWeights):
        networks.load(tmp_path / "m")
    (tmp_path / "m" / "classifier.json").write_text('{"build": "os.system", "options": {}}')
    with pytest.raises(ModelError):
        networks.load(tmp_path / "m")
