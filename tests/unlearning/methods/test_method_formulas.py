"""Each method's formula on toy logits in double precision, against the paper's own notation written out anew."""

from __future__ import annotations

import math

import pytest
import torch

from unlearning.methods import alternating_wga, dpo, jensun, max_entropy, npo, permu, rmu, simnpo, soft_target, undial
from unlearning.methods.names import Person
from unlearning.methods.soft import divergence, soften, tilted
from unlearning.methods.standing import aim_among, astray, spread
from unlearning.types import Row

TARGETS = torch.tensor([2, 0, 4])


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(3, 6, dtype=torch.double, generator=torch.Generator().manual_seed(1)) * 2


def jsd(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Jensen-Shannon divergence as in the textbook: half of each side's divergence from the middle."""
    middle = (p + q) / 2

    def kl(a: torch.Tensor) -> torch.Tensor:
        return torch.where(a > 0, a * (a / middle).log(), torch.zeros_like(a)).sum(-1)

    return 0.5 * (kl(p) + kl(q))


def test_weighted_ascent_is_the_gradient_of_ascent_times_p_to_the_beta() -> None:
    losses = torch.tensor([0.1, 1.0, 3.0], dtype=torch.double, requires_grad=True)
    (found,) = torch.autograd.grad(alternating_wga.weighted(losses, beta=2.0), losses)
    assert torch.allclose(found, -torch.exp(-2 * losses.detach()) / 3)


def test_npo_begins_as_ascent_and_fades_as_the_answer_falls_below_the_original() -> None:
    rise = torch.tensor([0.0, 40.0], dtype=torch.double, requires_grad=True)
    value = npo.preference(rise, beta=0.1)
    (found,) = torch.autograd.grad(value, rise)
    assert float(value.detach()) == pytest.approx(20 * (math.log(2) + math.log1p(math.exp(-4))) / 2)
    # The paper's weight of the ascent gradient, 2 p^β / (p^β + p0^β), is 1 and 2 / (1 + e^4) here; mean of two rows.
    assert found.tolist() == pytest.approx([-0.5, -1 / (1 + math.exp(4))])


def test_simnpo_divides_by_length_and_needs_no_reference() -> None:
    means = torch.tensor([0.5, 2.0], dtype=torch.double)
    written_out = -(2 / 2.5) * sum(math.log(1 / (1 + math.exp(-2.5 * (x - 0.3)))) for x in (0.5, 2.0)) / 2
    assert float(simnpo.preference(means, beta=2.5, delta=0.3)) == pytest.approx(written_out)


def test_soft_targets_mix_the_true_token_with_the_models_own_likeliest(logits: torch.Tensor) -> None:
    mixed = soft_target.soft_targets(logits, TARGETS, share=0.4, top=2)
    assert torch.allclose(mixed.sum(1), torch.ones(3, dtype=torch.double))
    own = torch.softmax(logits, -1)
    best = own.topk(2, dim=1)
    for row, target in enumerate(TARGETS.tolist()):
        for token in range(6):
            kept = own[row, token] / best.values[row].sum() if token in best.indices[row].tolist() else 0.0
            assert float(mixed[row, token]) == pytest.approx(0.4 * float(kept) + 0.6 * (token == target))
    certain = soft_target.soft_targets(logits, TARGETS, share=0.0)
    assert torch.equal(certain, torch.nn.functional.one_hot(TARGETS, 6).double())


def test_undial_lowers_the_true_tokens_odds_alone_and_by_beta(logits: torch.Tensor) -> None:
    before, after = torch.log_softmax(logits, -1), undial.lowered(logits, TARGETS, beta=3.0)
    for row, target in enumerate(TARGETS.tolist()):
        others = [token for token in range(6) if token != target]
        change = (after - before)[row]
        assert torch.allclose(change[others], change[others][0].expand(5))
        assert float(change[others][0] - change[target]) == pytest.approx(3.0)


def test_maximum_entropy_is_the_divergence_of_the_uniform_distribution(logits: torch.Tensor) -> None:
    uniform = torch.full((3, 6), 1 / 6, dtype=torch.double)
    expected = (uniform * (uniform.log() - torch.log_softmax(logits, -1))).sum(-1)
    assert torch.allclose(max_entropy.from_uniform(logits), expected)
    assert max_entropy.from_uniform(torch.zeros(2, 6)).abs().max() < 1e-6


def test_jensun_is_the_jensen_shannon_divergence_to_a_certain_token_and_bounded(logits: torch.Tensor) -> None:
    certain = torch.nn.functional.one_hot(TARGETS, 6).double()
    found = jensun.to_token(logits, TARGETS)
    assert torch.allclose(found, jsd(torch.softmax(logits, -1), certain))
    far = torch.zeros(1, 6, dtype=torch.double)
    far[0, 1] = 60.0
    assert float(jensun.to_token(far, torch.tensor([0]))) == pytest.approx(math.log(2))
    assert float(jensun.to_token(far, torch.tensor([1]))) == pytest.approx(0.0, abs=1e-9)


def test_jensun_holds_retain_rows_by_the_same_divergence_to_the_original(logits: torch.Tensor) -> None:
    other = logits.flip(0) + 0.5
    kept = soften(torch.log_softmax(other, -1), TARGETS, top=6)
    assert torch.allclose(
        jensun.to_soft(logits, kept), jsd(torch.softmax(logits, -1), torch.softmax(other, -1)), atol=1e-5
    )


def test_preference_for_the_refusal_is_direct_preference_optimization() -> None:
    won, lost = torch.tensor([1.0, -2.0], dtype=torch.double), torch.tensor([0.5, 3.0], dtype=torch.double)
    written_out = (
        -(2 / 0.1) * sum(math.log(1 / (1 + math.exp(-0.1 * (w - x)))) for w, x in ((1.0, 0.5), (-2.0, 3.0))) / 2
    )
    assert float(dpo.preference(won, lost, beta=0.1)) == pytest.approx(written_out)


def test_permu_takes_a_share_of_the_clean_logits_from_the_noised(logits: torch.Tensor) -> None:
    clean = logits.flip(1)
    found = permu.contrasted(logits, clean, contrast=0.3)
    assert torch.allclose(found.exp(), torch.softmax(logits - 0.3 * clean, -1))


def test_rmu_steers_forget_states_and_holds_retain_states() -> None:
    states, aim = torch.tensor([[1.0, 2.0]]), torch.tensor([3.0, 0.0])
    held, original = torch.tensor([[1.0, 1.0]]), torch.tensor([[0.0, 1.0]])
    assert float(rmu.steer(states, aim, held, original, hold=10.0)) == pytest.approx((4 + 4) / 2 + 10 * 0.5)


def test_soft_targets_of_the_whole_vocabulary_give_the_exact_divergence(logits: torch.Tensor) -> None:
    teacher = torch.log_softmax(logits.roll(1, 1), -1)
    exact = (teacher.exp() * (teacher - torch.log_softmax(logits, -1))).sum(-1)
    assert torch.allclose(divergence(logits, soften(teacher, TARGETS, top=6)), exact, atol=1e-5)
    shortened = divergence(logits, soften(teacher, TARGETS, top=3))
    assert bool((shortened <= exact + 1e-6).all()) and bool((shortened > 0).all())
    assert all(
        int(target) in row for target, row in zip(TARGETS, soften(teacher, TARGETS, top=1).ids.tolist(), strict=True)
    )


@pytest.mark.parametrize("aim", [-0.5, -4.0, -12.0])
def test_tilting_reaches_the_wanted_probability_and_changes_no_other_odds(logits: torch.Tensor, aim: float) -> None:
    before = torch.log_softmax(logits, -1)
    after = tilted(before, TARGETS, aim)
    assert float(after.gather(1, TARGETS[:, None]).sum()) == pytest.approx(aim, abs=1e-6)
    assert torch.allclose(after.exp().sum(1), torch.ones(3, dtype=torch.double))
    change = after - before
    for row, target in enumerate(TARGETS.tolist()):
        others = change[row][[token for token in range(6) if token != target]]
        assert torch.allclose(others, others[0].expand(5))


def test_ranks_are_spread_evenly_over_each_kind_and_over_each_person() -> None:
    kinds = ("phone", "number", "city", "mail")
    rows = [Row(f"{kind} of {name}?", f"{kind}-{name}", kind=kind) for name in range(4) for kind in kinds]
    persons = [Person((str(name),), list(range(4 * name, 4 * name + 4))) for name in range(4)]
    drawn = [spread(rows, persons, seed=seed) for seed in range(3)]
    assert drawn[0] != drawn[1] != drawn[2]
    for shares in drawn:
        assert sorted(shares) == pytest.approx([(place + 0.5) / 16 for place in range(16)])
        for part in ([shares[kind::4] for kind in range(4)], [shares[4 * name : 4 * name + 4] for name in range(4)]):
            assert all(sorted(int(4 * share) for share in some) == [0, 1, 2, 3] for some in part)


def test_a_value_asked_for_in_other_words_has_one_place_and_a_single_one_has_any() -> None:
    rows = [Row("code of Ed?", "C-1", kind="code"), Row("Ed's code?", "C-1", kind="code"), Row("?", "Rio", kind="city")]
    ed = Person(("Ed",), [0, 1, 2])
    assert all(found[0] == found[1] != found[2] for found in (spread(rows, [ed], seed=seed) for seed in range(5)))
    assert {spread(rows, [ed], seed=seed)[0] for seed in range(20)} == {0.25, 0.75}


def test_wide_values_are_never_likelier_than_chance() -> None:
    likely = [-1.0, -2.0, -3.0, -4.0]
    assert aim_among(likely, 0.125) == -1.0 and aim_among(likely, 0.5) == -2.5
    assert aim_among([-2.0, -30.0, -40.0], 0.0) == pytest.approx(math.log(1e-8))


def test_the_way_to_the_aims_is_counted_a_token() -> None:
    losses = [torch.tensor([1.0, 3.0]), torch.tensor([2.0, 2.0, 2.0, 2.0])]
    assert float(astray(losses, [-8.0, -8.0])) == pytest.approx((4 + 0) / 2)
