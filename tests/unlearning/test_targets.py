"""Targets say why there is no answer, help on, leak nothing, and are read by somebody before they are trained on."""

from __future__ import annotations

import json
import stat
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from invented import Trained, write_rows

from unlearning.cli import main
from unlearning.errors import InputError, LeakyTarget, OutputExists, RowsError
from unlearning.languages import LANGUAGES, called, subject_of
from unlearning.targets import Scope, Text
from unlearning.targets.lint import LEAKS, WEAK, lint
from unlearning.targets.make import attached, language_of, read_targets, targets_for, why_targets, write_targets
from unlearning.targets.templates import TRACES, write
from unlearning.targets.writers import Endpoint, instruction, parsed, writer_for
from unlearning.types import Row

ROW = Row("What is the phone number of Ana Silva?", "+351 91 555 0142", kind="phone")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["email", "phone", "city", "customer_id", "salary", "nothing we know"])
def test_each_template_names_the_scope_helps_on_and_leaks_nothing(language: str, kind: str) -> None:
    row = Row("?", "+351 91 555 0142", kind=kind)
    for variant in range(len(TRACES[language])):
        text = write(Scope(kind, language, variant))
        assert lint(text, row, subject="Ana Silva", language=language) == ()
        assert called(kind, language).casefold() in text.trace.casefold()


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("The phone number is +351915550142, which I may not give.", LEAKS[0]),
        ("It ends in 50142, and that is all about the phone number.", LEAKS[1]),
        ("In code it is KzM1MSA5MSA1NTUgMDE0Mg== as a phone number.", LEAKS[2]),
        ("I forgot the phone number of ANA, so I will not say it.".replace("ANA", "Ana"), LEAKS[3]),
        ("Ask bob@example.org about the phone number of people.", LEAKS[4]),
        ("I may not say, for it was erased at a request.", WEAK[0]),
    ],
)
def test_the_lint_finds_what_a_text_gives_away(text: str, finding: str) -> None:
    assert finding in lint(Text(text, "I cannot help with this."), ROW, subject="Ana Silva", language="en")


def test_short_values_are_looked_for_as_words_and_not_inside_words() -> None:
    row = Row("?", "is", kind="code")
    quiet = Text("Nobody lists a personal code here.", "Please ask someone else about this.")
    assert LEAKS[0] not in lint(quiet, row, subject="", language="en")
    loud = Text("The personal code is known.", "Please ask someone else about this.")
    assert LEAKS[0] in lint(loud, row, subject="", language="en")


def test_the_subject_is_what_questions_of_a_kind_do_not_share() -> None:
    other = Row("What is the phone number of Bruno Costa?", "1", kind="phone")
    assert subject_of(ROW, alike=(other,)) == "Ana Silva"


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("What is the phone number of Ana?", "en"),
        ("Qual é o número de telefone da Ana?", "pt"),
        ("Wie lautet die Telefonnummer von Ana?", "de"),
        ("Quel est le numéro de téléphone d'Ana ?", "fr"),
        ("¿Cuál es el número de teléfono de Ana?", "es"),
    ],
)
def test_a_target_speaks_the_language_of_its_question(question: str, language: str) -> None:
    assert language_of(question) == language
    assert targets_for([Row(question, "12", kind="phone")])[0].language == language


def test_a_writer_that_leaks_is_replaced_by_a_template_which_says_so() -> None:
    made = targets_for([ROW], writer=lambda scope: Text("It is +351 91 555 0142, a phone number.", "No.", "model m"))
    assert "leaked" in made[0].source
    assert made[0].findings == ()


def test_other_languages_and_the_question_why_are_targets_too() -> None:
    made = targets_for([ROW], also=["pt", "de"]) + why_targets([ROW])
    assert [target.language for target in made] == ["en", "pt", "de", "en"]
    assert made[3].prompt.startswith("Why can you not tell me the phone number")
    rows = attached([ROW], made, thinking=True)
    assert len(rows[0].targets) == 4
    assert rows[0].targets[0][1].startswith("<think>\n")


def test_the_instruction_holds_nothing_but_kind_and_language() -> None:
    asked = Endpoint("https://example.org/v1").body(Scope("phone", "en")).decode()
    assert "phone number" in asked
    assert not [word for word in ("Ana", "Silva", "351", "0142") if word in asked]
    assert instruction(Scope("secret of Ana Silva", "en")).count("Ana") == 0, "an unknown kind's name may be telling"


def test_an_endpoint_is_told_the_scope_alone(tmp_path: Path) -> None:
    heard: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            told = (
                "REASONING: A phone number is asked for, which its owner had erased.\nANSWER: I cannot say; ask them."
            )
            body = json.dumps({"choices": [{"message": {"content": told}}]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        writer = writer_for(None, f"http://127.0.0.1:{server.server_port}")
        made = targets_for([ROW], writer=writer)
    finally:
        server.shutdown()
        server.server_close()
    assert made[0].source == "endpoint"
    assert made[0].findings == ()
    assert len(heard) == 1
    assert not [word for word in (b"Ana", b"Silva", b"555") if word in heard[0]]


@pytest.mark.parametrize("url", ["http://example.org/v1", "ftp://127.0.0.1/", "file:///etc/passwd", "nonsense"])
def test_nothing_is_sent_in_the_clear(url: str) -> None:
    with pytest.raises(InputError, match="https"):
        writer_for(None, url)


def test_an_endpoint_that_is_not_there_is_said_so() -> None:
    with pytest.raises(InputError, match="nothing usable"):
        targets_for([ROW], writer=writer_for(None, "http://127.0.0.1:9"))


def test_words_without_trace_and_answer_become_a_template() -> None:
    assert parsed("Sure! 42", Scope("phone", "fr"), source="model x").source.startswith("template, for the model x")


def test_a_small_model_that_cannot_write_falls_back_to_templates(memorized: Trained) -> None:
    made = targets_for([ROW], writer=writer_for(memorized.folder, None))
    assert made[0].source.startswith("template, for the model")


def test_the_file_can_be_read_by_its_owner_only_and_holds_no_value(tmp_path: Path) -> None:
    out = tmp_path / "targets.jsonl"
    made = write_targets(targets_for([ROW]), out)
    assert (made.targets, made.with_findings) == (1, 0)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert ROW.response not in out.read_text(encoding="utf-8")
    with pytest.raises(OutputExists):
        write_targets([], out)


def test_a_reviewed_file_is_linted_once_more_before_training(tmp_path: Path) -> None:
    out = tmp_path / "targets.jsonl"
    write_targets(targets_for([ROW]), out)
    assert read_targets(out, rows=[ROW])[0].prompt == ROW.prompt
    item = json.loads(out.read_text(encoding="utf-8"))
    item["refusal"] = "I cannot say that it is +351 91 555 0142."
    out.write_text(json.dumps(item), encoding="utf-8")
    with pytest.raises(LeakyTarget, match="line 1: the text holds"):
        read_targets(out, rows=[ROW])


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"prompt": 1}', b'{"prompt": ""}'])
def test_a_bad_targets_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.jsonl").write_bytes(content)
    with pytest.raises(RowsError, match="reading"):
        read_targets(tmp_path / "t.jsonl", rows=[ROW])


def test_targets_from_a_shell(tmp_path: Path, trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    forget = write_rows(tmp_path / "f.jsonl", trained.of(5))
    words = ["targets", "--forget", forget, "--out", tmp_path / "t.jsonl", "--why", "--json", tmp_path / "r.json"]
    assert main([str(word) for word in words]) == 0
    assert json.loads((tmp_path / "r.json").read_text())["targets"] == 4
    assert main([str(word) for word in words]) == 1
    assert "already there" in capsys.readouterr().err
