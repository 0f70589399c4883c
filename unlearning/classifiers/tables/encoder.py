"""Columns to numbers: what is learned for that (middles, scales, words) comes from rows, and forgets with them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from unlearning.classifiers.tables.schema import Table
from unlearning.errors import RowsError

MOST_WORDS = 256  # a column of words with more different ones is text; its commonest words are kept
MOST_COLUMNS = 1000  # signs without words can be no text; their rarest share a column


class Encoder:
    """Columns to numbers; everything that it knows comes from rows, so it is fitted anew on what is kept.

    Empty numbers take the column's median and are marked. Words are one-hot; a column of more than MOST_WORDS
    different ones is text, by TF-IDF over its commonest words.
    """

    def __init__(self) -> None:
        self._inner: ColumnTransformer | None = None
        self._order: tuple[str, ...] = ()

    def fit(self, table: Table) -> Encoder:
        """Learn middles, scales and vocabularies."""
        self._order = tuple(table.columns)
        held = [table.columns[name] for name in self._order]
        numbers = [n for n, values in enumerate(held) if values.dtype != object]
        texts = [n for n, values in enumerate(held) if values.dtype == object and _is_text(values)]
        words = [n for n in range(len(held)) if n not in numbers and n not in texts]
        filled = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        parts: list[tuple[str, Any, Any]] = [
            ("numbers", Pipeline([("filled", filled), ("scaled", StandardScaler())]), numbers),
            (
                "words",
                OneHotEncoder(handle_unknown="infrequent_if_exist", sparse_output=False, max_categories=MOST_COLUMNS),
                words,
            ),
        ]
        parts += [(f"text {n}", TfidfVectorizer(max_features=MOST_WORDS), n) for n in texts]
        self._inner = ColumnTransformer(parts, sparse_threshold=0.0).fit(self._stacked(table))
        return self

    @property
    def inner(self) -> ColumnTransformer | None:
        """scikit-learn's own transformer, which stacks the columns in the table's order."""
        return self._inner

    def transform(self, table: Table) -> np.ndarray:
        """Numbers [n, d]."""
        if self._inner is None:
            raise RowsError("encoding a table: the encoder was not fitted")
        return np.asarray(self._inner.transform(self._stacked(table)), dtype=float)

    def vocabulary(self) -> set[str]:
        """Every word that the encoder keeps."""
        kept = [str(word) for words in self._categories() for word in words]
        return {*kept, *(str(word) for text in self._texts() for word in text.vocabulary_)}

    def equals(self, other: Encoder) -> bool:
        """Whether both turn every row into the same numbers: same columns, means, scales and words, to the last bit."""
        return self._learned() == other._learned()

    def _learned(self) -> tuple[object, ...]:
        if self._inner is None:
            return ()
        known: list[object] = [self._order, tuple(name for name, *_ in self._inner.transformers_)]
        for part in getattr(self._inner.named_transformers_["numbers"], "named_steps", {}).values():
            marks = getattr(getattr(part, "indicator_", None), "features_", ())
            known += [np.asarray(getattr(part, name, ())).tobytes() for name in ("mean_", "scale_", "statistics_")]
            known.append(np.asarray(marks).tobytes())
        known += [tuple(map(str, found)) for found in self._categories()]
        known += [(tuple(sorted(text.vocabulary_.items())), text.idf_.tobytes()) for text in self._texts()]
        return tuple(known)

    def _categories(self) -> list[Any]:
        found = self._inner.named_transformers_["words"] if self._inner is not None else None
        return list(getattr(found, "categories_", []))

    def _texts(self) -> list[TfidfVectorizer]:
        named = self._inner.named_transformers_ if self._inner is not None else {}
        return [part for part in named.values() if isinstance(part, TfidfVectorizer)]

    def _stacked(self, table: Table) -> np.ndarray:
        return np.stack([table.columns[name].astype(object) for name in self._order], axis=1)


def _is_text(values: np.ndarray) -> bool:
    """More different ones than there should be one-hot columns, and words in them (two letters or digits)."""
    different = set(values.tolist())
    return len(different) > MOST_WORDS and any(re.search(r"\w\w", value) for value in different)
