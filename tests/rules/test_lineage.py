"""What stands downstream of a trace, in any graph."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from compliance.rules.lineage import downstream, layers

AURORA = [
    ("tickets", "clean"),
    ("customers", "clean"),
    ("clean", "training"),
    ("training", "model"),
    ("tickets", "index"),
]
AURORA += [("index", "cache"), ("model", "cache")]
edges = st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("abcdefg")), max_size=15)


def test_everything_made_from_a_source_is_found_with_the_way_there() -> None:
    found = downstream(["tickets"], AURORA)
    assert set(found) == {"clean", "training", "model", "index", "cache"}
    assert found["model"] == ("tickets", "clean", "training", "model")
    assert found["cache"] == ("tickets", "index", "cache")


def test_what_was_not_made_from_it_is_not_found() -> None:
    assert downstream(["index"], AURORA) == {"cache": ("index", "cache")}
    assert downstream(["nowhere"], AURORA) == {}


def test_parents_come_before_their_children() -> None:
    order = list(downstream(["tickets"], AURORA))
    assert order.index("clean") < order.index("training") < order.index("model") < order.index("cache")


def test_layers_put_each_artifact_below_all_it_was_made_from() -> None:
    nodes = ["cache", "model", "tickets", "clean", "index", "training"]
    assert layers(nodes, AURORA) == (("tickets",), ("clean", "index"), ("training",), ("model",), ("cache",))


def test_layers_see_through_artifacts_that_are_not_asked_for() -> None:
    assert layers(["model", "tickets"], AURORA) == (("tickets",), ("model",))


def test_a_circle_is_walked_once() -> None:
    assert downstream(["a"], [("a", "b"), ("b", "c"), ("c", "a"), ("c", "c")]) == {
        "b": ("a", "b"),
        "c": ("a", "b", "c"),
    }


@given(edges, st.sampled_from("abcdefg"))
def test_a_way_is_made_of_derivations_and_nothing_reachable_is_missed(pairs: list[tuple[str, str]], start: str) -> None:
    found = downstream([start], pairs)
    for node, path in found.items():
        assert path[0] == start and path[-1] == node
        assert all(step in pairs for step in pairwise(path))
    reached = {start, *found}
    assert {child for parent, child in pairs if parent in reached} <= reached


@given(edges)
def test_every_artifact_is_in_one_layer(pairs: list[tuple[str, str]]) -> None:
    drawn = [node for layer in layers("abcdefg", pairs) for node in layer]
    assert sorted(drawn) == list("abcdefg")
