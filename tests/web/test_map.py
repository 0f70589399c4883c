"""The company's map: what was made from what, a person's way through it, and two hundred places piled up."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

import pytest
from django.test import Client

from compliance.accounts import services as accounts
from compliance.accounts.models import LegalEntity, User
from compliance.evidence.drawings import Edge, Node
from compliance.evidence.drawings.lineage import STATES, mark_svg
from compliance.provenance.models import Artifact, Derivation, LineageRun, LineageUse
from compliance.rules.terms import ArtifactKind, Role
from compliance.web import mapping
from tests.web import seeded

MAP = "/officer/map/"


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


def drawing(page: str) -> str:
    found = re.search(r'<svg[^>]*aria-label="Map.*?</svg>', page, re.S)
    assert found is not None
    ElementTree.fromstring(found.group())  # noqa: S314 - our own drawing
    return found.group()


def test_every_place_is_drawn_and_stands_in_the_table_with_what_it_was_made_from(
    aurora: seeded.Company, olga: Client
) -> None:
    made = seeded.register(aurora.entity)
    page = text(olga.get(MAP))
    for artifact in made.values():
        assert f'id="place-{artifact.slug}"' in page
        assert f'href="#place-{artifact.slug}"' in drawing(page)
    assert "never searched yet" in page
    assert 'href="/officer/map/"' in text(olga.get("/officer/"))


def test_of_several_companies_the_one_with_the_most_places_is_shown_first(aurora: seeded.Company, olga: Client) -> None:
    seeded.register(aurora.entity)
    small = LegalEntity.objects.create(slug="aardvark", name="Aardvark", country="DE")
    accounts.grant(User.objects.get(username="olga"), small, Role.OFFICER)
    page = text(olga.get(MAP))
    assert f"?entity={small.slug}" in page
    assert "Aardvark</a>" in page and 'id="place-' in page


def test_a_persons_way_is_highlighted_with_counts_and_other_peoples_cases_are_not_here(
    aurora: seeded.Company, olga: Client, stranger: Client
) -> None:
    made = seeded.register(aurora.entity)
    case = seeded.planned(aurora, made)
    page = text(olga.get(MAP, {"case": case.reference}))
    assert re.search(r"Found in \d+ of \d+ places", page)
    assert re.search(r"\d+ records? found", drawing(page))
    assert "dr-stroke-carried" in drawing(page)
    assert seeded.ALICE not in page
    assert f"{MAP}?case={case.reference}" in text(olga.get(f"/officer/cases/{case.reference}/"))
    assert stranger.get(MAP, {"case": case.reference}).status_code == 404
    assert stranger.get(MAP, {"entity": aurora.entity.slug}).status_code == 404
    assert Client().get(MAP).status_code == 302


def test_versions_steps_and_refusals_that_pipelines_reported_are_said(aurora: seeded.Company, olga: Client) -> None:
    made = seeded.register(aurora.entity)
    model = next(artifact for artifact in made.values() if artifact.kind == ArtifactKind.MODEL)
    now = datetime.now(UTC)
    run = LineageRun.objects.create(
        entity=aurora.entity, uid=uuid4(), job="n/train", last_event="COMPLETE", at=now, refused="rows hold somebody"
    )
    LineageUse.objects.create(run=run, artifact=model, output=True, version="sha256:feed", step=1200, at=now)
    page = text(olga.get(MAP))
    assert "sha256:feed" in page
    assert "up to step 1200" in page
    assert "made from what was erased: refused" in page
    assert "dr-stroke-bad" in drawing(page)


def test_two_hundred_places_are_piled_up_and_a_pile_opens(aurora: seeded.Company, olga: Client) -> None:
    rows = [
        Artifact(
            slug=f"p{n}", name=f"Place {n}", entity=aurora.entity, kind="dataset" if n < 20 else "derived_dataset",
            connector="files", location=f"/data/{n}", purpose="p", lawful_basis="l", retention="r",
        )
        for n in range(200)
    ]  # fmt: skip
    made = Artifact.objects.bulk_create(rows)
    Derivation.objects.bulk_create([Derivation(parent=made[n % 20], child=made[n]) for n in range(20, 200)])
    page = text(olga.get(MAP))
    piles = re.findall(r'href="(\?open=|/officer/map/\?open=)(pile-[^"&]+)"', drawing(page))
    assert piles
    assert drawing(page).count("<rect") <= mapping.MOST_BOXES
    assert page.count('id="place-') == 200, "the table names every place all the same"
    opened = text(olga.get(MAP, {"open": piles[0][1]}))
    assert drawing(opened).count("<rect") > drawing(page).count("<rect")
    assert "Pile everything up again" in opened


def test_who_has_nothing_registered_is_told_what_to_do(aurora: seeded.Company, olga: Client) -> None:
    assert "Nothing is registered yet" in text(olga.get(MAP))


def test_piles_keep_where_the_person_was_found_and_every_edge_between_others() -> None:
    nodes = [Node(id=f"d{n}", label=f"d{n}", kind=ArtifactKind.LOG) for n in range(60)]
    nodes.append(Node(id="root", label="root"))
    edges = [Edge(source="root", target=f"d{n}", carried=n == 7) for n in range(60)]
    drawn, ways = mapping.piled(nodes, edges, kept={"d7", "root"})
    assert {node.id for node in drawn} == {"root", "d7", "pile-d0"}
    assert next(node for node in drawn if node.many).many == 59
    assert {(way.source, way.target, way.carried) for way in ways} == {
        ("root", "d7", True),
        ("root", "pile-d0", False),
    }
    whole, _ = mapping.piled(nodes[:10], edges)
    assert len(whole) == 10
    circle = [Edge(source=f"d{n}", target=f"d{(n + 1) % 60}") for n in range(60)]
    drawn, _ = mapping.piled(nodes, circle)
    assert len(drawn) <= len(nodes)


def test_each_colour_has_a_shape_of_its_own() -> None:
    shapes = {}
    for state, colour in STATES.items():
        shape = re.sub(r'(class|aria-label|fill|stroke)="[^"]*"|<title>.*?</title>', "", mark_svg(state))
        assert shapes.setdefault(colour, shape) == shape
    assert len(set(shapes.values())) == len(shapes)


@pytest.mark.parametrize("word", ["' OR 1=1", "<script>", "no-such"])
def test_what_is_no_entity_is_not_here(aurora: seeded.Company, olga: Client, word: str) -> None:
    assert olga.get(MAP, {"entity": word}).status_code == 404
    assert olga.get(MAP, {"case": word}).status_code == 404
