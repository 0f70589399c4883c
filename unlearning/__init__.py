"""Make a language model forget a person, and measure how far it did.

Verbs, as functions and as `python -m unlearning VERB`: train (with a recorded run), replay (exact: rebuild without the
person from the last checkpoint before them), unlearn (approximate), audit, attack.
"""

__version__ = "0.1.0"
