"""The law as plain Python: no Django, no Celery, no torch; facts in, decisions out."""
