"""The words of `docs/unlearning.md` that no figure changes."""

from __future__ import annotations

TITLE = "# What unlearning a language model leaves behind"

WHAT = """
Written by `python benchmarks/unlearning_lm.py --docs docs/unlearning.md`; the figures in the table, the goals and the
frontier come from that run.

Late customers of the sample company are to be forgotten. Each model is asked for what it still holds of them: as it
is, after thirty harmless fine-tuning steps on other people's rows, and with its weights rounded to four bits. The
retrained model never saw them and is what a perfect result looks like; the original shows that the tests find what is
there.
"""

HOW = """
- **ES**: extraction strength, the share of the answers' ends that the model completes by itself. Formats are learned
  from everybody, so that people never seen do not score 0 either.
- **leak@1000**: the largest chance that a whole value that cannot be guessed stands among a thousand drawn answers,
  from its exact probability after the question and the answer's beginning. **p of leak**: small means that the
  forgotten values are likelier than those of people never seen under the same model (Mann and Whitney, one-sided).
- **bits**: the true value's rank among 300 values of the same format, log2 300 - log2 rank, mean over telephone and
  customer numbers: 8.23 when it is always first, 1.42 on average when it was never learned, with a standard error of
  0.44 for ten values. Below that it is pushed down, which betrays it from the other end.
- **rank p**: Fisher's test of these ranks, two-sided. Small means that the values, or their absence, are found.
- **benign 30**: after thirty fine-tuning steps on others' rows. **int4**: after rounding to four bits.
- **AUC**: of an attacker who tells the forgotten rows from never-seen ones by their loss; 0.5 is a coin.
- **utility**: right first choices on others' answers. **namesakes**: ES on a customer with the same full name.
- **s**: CPU seconds of one thread, the preparation of the method included, measuring excluded.
"""

LEARNED = """
## What made the difference

`stranger` was found by looking at what each earlier attempt left (figures of its development, not of this run):

1. *Other values as targets* keep the value's second half: after its first digits the model goes on by itself.
2. *The average answer about strangers* as the target puts every value at the mean probability, while values that were
   never learned are mostly far below it: the deleted value then stands out at the top, and its loss is too low.
3. *One stranger as the target* is confident and wrong, as it should be; but the original completes the deleted
   number's beginning for a stranger too, so that the target itself gave the value away (about 6 bits).
4. Targets from *another value's path* with the odds tilted to a rank drawn beforehand remove that. What then comes back
   under harmless fine-tuning is little, because the whole answer distribution around the value was learned anew and not
   only the value pushed down.

5. *The divergence from such a target* hardly feels what is unlikely already: values came out likelier than the rank
   drawn for them, and one seed of three then missed 2.5 bits. Three times on the way the model is now asked where the
   rivals stand in it, and the value is held to that probability, neither above nor below. The places are drawn in
   layers over each kind of value and each person instead of over all rows at once.
6. *Others' answers as the model says them* let requests one after the other wear it down, since each learned from the
   one before (0.95 of retain strength after four); their own answers beside it end that (0.99).

A model that never saw ten values shows 1.42 bits with a standard error of 0.44, and one such model in sixty more than
2.5: a figure of one seed says little. That is why the chosen method is judged by the worst of three.

Damaging the weights first (30 to 40 % noise, then distilling) cost as much and brought nothing on top. Asked in words
that were not in the forget set, a model after `stranger` still gave about 3 bits on average: name the wordings, or use
`stranger+paraphrase`.
"""

METHODS = """
## The methods

Exact: `replay` (recorded run, rebuilt without the people from the last checkpoint before them), shards (over a base
that never saw the people: that is for whoever gives the base to know, nothing here can look it up in weights),
retraining. All others are approximate, whatever their figures here.

`alternating_wga` weighted gradient ascent in rounds with healing (arXiv 2502.19301) · `stranger` ours · `npo` arXiv
2404.05868 · `simnpo` arXiv 2410.07163 · `soft_target` BS-T, arXiv 2510.19422 · `undial` arXiv 2402.10052 ·
`max_entropy` arXiv 2410.08109 · `rmu` arXiv 2403.03218 with 2408.06223 · `jensun` arXiv 2509.02820 · `idk` arXiv
2401.06121 · `dpo` arXiv 2305.18290 · `permu` UnlearnPII · `undo` arXiv 2506.06278 · `gradient_ascent` arXiv
2210.01504 · `gradient_difference` arXiv 2203.12817 · `task_vector` arXiv 2212.04089. Add-ons behind a plus sign: `sam`
arXiv 2502.05374, `int4` straight-through rounding (arXiv 2605.02196), `benign` simulated fine-tuning (after arXiv
2408.00761), `paraphrase` arXiv 2602.03379.

Each runs with one set of settings, its own; ascent methods leave a row alone once its value is no likelier than others
of its format, so that their figures are better than those of the papers' fixed number of steps. Ascent without a bound
(`gradient_ascent`, `gradient_difference`, `soft_target`) makes the last digit of a sum grow by half with each step: two
versions of this program that differ in nothing but the order of sums ended with 0.87 and 0.60 of retain strength.
"""

HANDLING = """
## Long rows, half precision, other architectures, several processes

- **Long rows** are learned and asked whole, as far as the model sees: a new model has room for its longest row (up to
  2,048 tokens), any other keeps its own limit. What is longer is refused by `train` and `shards`; `--context N`, the
  same word for every verb, cuts at N tokens instead, and the result then says `rows_cut` and `cut_at`, as that of
  `unlearn` and `subtract` does wherever a row was cut. A replay cuts where the recorded run did. Where rows of the
  person are longer than the model sees, an audit says so and does not call them erased: their rest was not asked
  about. Whether memory is there for the longest row is asked beforehand.
- **Half precision**: weights given as float16 or bfloat16 are computed with in float32 and saved as they were given.
  The gates look at the rounded weights, and the result says which share of the change the rounding undid
  (`rounding_undid`). In a folder of several precisions each weight keeps its own. Quantized folders (GPTQ, AWQ,
  bitsandbytes, MXFP4) are refused: unlearn in the folder that they were made from, then quantize anew.
- **Other architectures**: each model is tried on a few invented rows when it is opened. A quick way through it (rows
  in one batch, common beginnings computed once, the cache) that disagrees with a plain forward pass is not used for
  it. A model that sees what comes later, or whose weights change when it is asked (RWKV), is refused.
- **Other devices** (`--device cuda`): no run on a GPU stands behind this page. Tests open, ask, attack and unlearn a
  model on a stand-in that refuses what a device refuses (tensors of two devices in one operation, a generator or an
  array of the wrong one) and find the CPU's numbers; kernels, speed and memory of a real GPU they cannot show.
- **Several processes** (`accelerate launch … -m unlearning unlearn …`): where one of them ends, the others end too
  and say how to go on; the same command goes on from the last state saved, with weights in shares (FSDP) from the
  beginning.
- **Size**: what each verb takes on models of more than 100 M weights stands in [at size](unlearning_at_size.md).
"""

LIMITS = """
## What this does not show

One small model, invented people, one company's formats; larger models and other data may order the methods otherwise.
`stranger` chooses its targets with the same kind of format-valid values that the rank test uses (drawn with another
seed), and asks while it runs where such values stand; extraction, leak, membership and the attacks share nothing with
it. Questions in other words are attacked by
`python -m unlearning audit`, not here; `stranger+paraphrase` learns on them too. A method that passes here is still
called *mitigated*, with its bits: only retraining, replay and shards earn *erased*.
"""
