"""Make a language model forget a person, and measure how far it did.

Verbs, as functions and as `python -m unlearning VERB`: train (with a recorded run), replay (exact: rebuild without the
person from the last checkpoint before them), unlearn (approximate), audit (one of four words, with bits), attack,
evaluate, targets (reasoned refusals, to review), explain (the model's own reasons beside the tests), edit (stop-gap);
`--help` lists them all.
"""

__version__ = "0.8.0"
