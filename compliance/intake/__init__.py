"""Floor 1: the erasure request, its verification, decisions and notices."""
