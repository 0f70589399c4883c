"""The names of an index folder's files."""

from typing import Final

INDEX: Final = "index.faiss"
CHUNKS: Final = "chunks.jsonl"
MANIFEST: Final = "manifest.json"
