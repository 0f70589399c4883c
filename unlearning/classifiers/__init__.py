"""Classifiers and tables forget: `plan`, `unlearn`, `audit`, `tune`, all pure (the model given is never changed).

Neural networks are any `torch.nn.Module` from features to logits; tables are scikit-learn in, scikit-learn out
(`unlearning.classifiers.tables`). Methods stand in a table, one file each.
"""
