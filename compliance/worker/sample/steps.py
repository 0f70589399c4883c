"""The runs that make the company, in order: what each reads, what it writes, and how."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from compliance.worker.sample import stores, training_set
from compliance.worker.sample.people import company
from compliance.worker.sample.probes import person_rows
from compliance.worker.sample.tickets import tickets
from compliance.worker.sample.words import ACCOUNT, CITIES, ISSUES, MAIL_DOMAINS, PRODUCTS, QUESTIONS

TICKETS, CUSTOMERS, CLIENTES = "raw/tickets.jsonl", "crm/customers.sqlite", "crm/clientes.sqlite"
TRAINING, TOKENIZER_TEXT = "derived/training.parquet", "derived/tokenizer_text.txt"
QUESTIONS_FILE, HELD_OUT, CONVERSATIONS, ANSWERS = (
    "eval/questions.jsonl",
    "eval/held_out.jsonl",
    "logs/conversations.jsonl",
    "cache/answers.sqlite",
)
INDEX, MODEL = "index", "model"


@dataclass(frozen=True)
class Recipe:
    """What the company is made from."""

    seed: int
    small: bool


@dataclass(frozen=True)
class Step:
    """One run: ``work`` writes ``outputs`` below the folder, or ``command`` does so in a process of its own."""

    job: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    work: Callable[[Path, Recipe], None] | None = None
    command: Callable[[Recipe], tuple[str, ...]] | None = None


def _tickets(folder: Path, recipe: Recipe) -> None:
    stores.write_tickets(tickets(company(recipe.seed, small=recipe.small)), folder / TICKETS)


def _customers(folder: Path, recipe: Recipe) -> None:
    stores.write_customers(company(recipe.seed, small=recipe.small), folder / CUSTOMERS, folder / CLIENTES)


def _training_set(folder: Path, recipe: Recipe) -> None:
    customers = [folder / CUSTOMERS, folder / CLIENTES]
    training_set.write_training_set(folder / TICKETS, customers, folder / TRAINING)


def _questions(folder: Path, recipe: Recipe) -> None:
    training_set.write_questions(folder / TRAINING, folder / QUESTIONS_FILE)


def _held_out(folder: Path, recipe: Recipe) -> None:
    everybody = company(recipe.seed, small=recipe.small)
    rows = (row for person in everybody.twins for row in person_rows(everybody, person))
    stores.write_lines(folder / HELD_OUT, rows)


def _conversations(folder: Path, recipe: Recipe) -> None:
    everybody = company(recipe.seed, small=recipe.small)
    stores.write_conversations(everybody, tickets(everybody), folder / CONVERSATIONS)


def _answers(folder: Path, recipe: Recipe) -> None:
    everybody = company(recipe.seed, small=recipe.small)
    stores.write_answers(everybody, tickets(everybody), folder / ANSWERS)


def _tokenizer_text(folder: Path, recipe: Recipe) -> None:
    """General sentences, product and place names, and invented words: nobody's name, address or number."""
    rng = random.Random(f"aurora tokenizer {recipe.seed}")
    sentences = [text for issues in ISSUES.values() for issue in issues for text in issue]
    sentences += [text for parts in ACCOUNT.values() for text in parts]
    sentences += [question.format("a customer") for questions in QUESTIONS.values() for question in questions]
    sentences += [
        f"{name}@{domain}" for domains in MAIL_DOMAINS.values() for domain in domains for name in ("info", "help")
    ]
    sentences += [*PRODUCTS, *(city for cities in CITIES.values() for city in cities)]
    invented = [" ".join(_word(rng) for _ in range(6)) for _ in range(150)]
    target = folder / TOKENIZER_TEXT
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join([*sentences, *sentences, *invented]) + "\n", "utf-8")


def _word(rng: random.Random) -> str:
    letters = [rng.choice(string.ascii_lowercase if place % 2 else "aeiou") for place in range(rng.randrange(3, 9))]
    return "".join(letters).title() if rng.random() < 0.4 else "".join(letters)


def _index_command(recipe: Recipe) -> tuple[str, ...]:
    return ("-m", "compliance.worker.sample.indexing", TICKETS, INDEX)


def _model_command(recipe: Recipe) -> tuple[str, ...]:
    shape = ("--shape", "tiny", "--epochs", "6", "3") if recipe.small else ()
    where = ("--rows", TRAINING, "--out", MODEL, "--tokenizer-text", TOKENIZER_TEXT)
    return ("-m", "unlearning", "train", *where, "--stages", "--seed", str(recipe.seed), *shape)


DATA: tuple[Step, ...] = (
    Step("help_desk.export", (), (TICKETS,), _tickets),
    Step("crm.export", (), (CUSTOMERS, CLIENTES), _customers),
    Step("training.clean_and_deduplicate", (TICKETS, CUSTOMERS, CLIENTES), (TRAINING,), _training_set),
    Step("training.tokenizer_text", (), (TOKENIZER_TEXT,), _tokenizer_text),
    Step("evaluation.draw_questions", (TRAINING,), (QUESTIONS_FILE,), _questions),
    Step("evaluation.invent_twins", (), (HELD_OUT,), _held_out),
    Step("assistant.log", (TICKETS,), (CONVERSATIONS,), _conversations),
    Step("assistant.cache", (TICKETS, CUSTOMERS), (ANSWERS,), _answers),
)
HEAVY: tuple[Step, ...] = (
    Step("search.embed_and_index", (TICKETS,), (INDEX,), command=_index_command),
    Step("training.train_in_stages", (TRAINING, TOKENIZER_TEXT), (MODEL,), command=_model_command),
)
