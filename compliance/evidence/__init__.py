"""Floor 5: the dossier, the letters, the sealed report, and the pack that an auditor verifies offline.

The engine (dossier, canonical, drawings, report, pdf, seal, pack, verify, letters) knows no models: plain facts in,
bytes out. ``pdf`` and ``seal`` are heavy: only the worker imports them, inside functions.
"""
