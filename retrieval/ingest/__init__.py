"""The ingest index: records hashed when they are made or first read, so that a request costs what it finds.

``ingest`` makes and keeps it, ``look_up`` and ``look_alike`` ask it; see ``retrieval.ingest.windows`` for its keys.
"""

from retrieval.ingest.building import Ingestion, ingest
from retrieval.ingest.looking import Alike, Ingested, Looked, look_alike, look_up

__all__ = ["Alike", "Ingested", "Ingestion", "Looked", "ingest", "look_alike", "look_up"]
