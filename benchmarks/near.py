"""Near-duplicates beside ``datasketch``: the same documents, the same shingles, known similarities."""

from __future__ import annotations

import random
import time
from typing import Any

from benchmarks.people import People

GOAL = 0.99


def near(count: int) -> dict[str, Any]:
    """Sign and look up so many documents and a fifth as many changed copies; print and return figures."""
    from retrieval.near import NearIndex, Signer

    documents, copies, exact = _documents(count)
    signer = Signer(bytes(range(32)))
    signer.sign(documents[:2])
    began = time.process_time()
    signatures = signer.sign(documents)
    signed = time.process_time()
    index = NearIndex(signatures)
    built = time.process_time()
    found = {(one.query, one.document) for one in index.near(signer.sign(copies))}
    asked = time.process_time()
    alike = [(query, document) for query, (document, share) in enumerate(exact) if share >= 0.8]
    recall = sum(pair in found for pair in alike) / len(alike)
    below = {query for query, (_, share) in enumerate(exact) if share < 0.6}
    wrong = sum(query in below for query, _ in found) / max(1, len(found))
    ours, queries = count / (built - began), len(copies) / (asked - built)
    peer, peer_queries, peer_recall = _datasketch(documents[: min(count, 3_000)], copies, exact)
    print(
        f"near-duplicates: {ours:,.0f} documents/s ({signed - began:.2f} s to sign {count:,}), "
        f"{queries:,.0f} queries/s, "
        f"recall {recall:.4f} of {len(alike):,} pairs at Jaccard ≥ 0.8 (goal ≥ {GOAL}), "
        f"finds below 0.6: {wrong:.4f} · "
        f"· "
        f"datasketch {peer:,.0f} documents/s, {peer_queries:,.0f} queries/s, recall {peer_recall:.4f} · "
        f"ratio {ours / peer:.0f}"
    )
    figure = {"documents/s": ours, "queries/s": queries, "recall": recall, "goal": GOAL, "below 0.6": wrong}
    figure |= {"datasketch documents/s": peer, "datasketch recall": peer_recall, "met": recall >= GOAL}
    return {"near-duplicates": figure}


def _documents(count: int) -> tuple[list[str], list[str], list[tuple[int, float]]]:
    chance = random.Random(12)
    people = People(chance)
    documents = [people.sentence(chance.randrange(40, 200)) for _ in range(count)]
    copies, exact = [], []
    for number in range(count // 5):
        words = documents[number].split(" ")
        for _ in range(chance.randrange(0, max(1, len(words) // 12))):
            words[chance.randrange(len(words))] = people.sentence(1)
        copies.append(" ".join(words).title() if chance.random() < 0.3 else " ".join(words))
        one, other = shingles(documents[number]), shingles(copies[-1])
        exact.append((number, len(one & other) / len(one | other)))
    return documents, copies, exact


def shingles(text: str) -> set[str]:
    """Return the runs of three words, as both tools get them."""
    words = text.lower().split(" ")
    return {" ".join(words[at : at + 3]) for at in range(len(words) - 2)}


def _datasketch(documents: list[str], copies: list[str], exact: list[tuple[int, float]]) -> tuple[float, float, float]:
    from datasketch import MinHash, MinHashLSH

    def signed(text: str) -> Any:
        made = MinHash(num_perm=128)
        made.update_batch([shingle.encode() for shingle in shingles(text)])
        return made

    index = MinHashLSH(threshold=0.8, num_perm=128)
    began = time.process_time()
    for number, text in enumerate(documents):
        index.insert(number, signed(text))
    built = time.process_time()
    asked = [(query, pair) for query, pair in enumerate(exact) if pair[0] < len(documents)][:600]
    hits = [(pair[1], pair[0] in index.query(signed(copies[query]))) for query, pair in asked]
    done = time.process_time()
    alike = [hit for share, hit in hits if share >= 0.8]
    return len(documents) / (built - began), len(asked) / (done - built), sum(alike) / len(alike)
