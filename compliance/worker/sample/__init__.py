"""Aurora Support, a company that does not exist: made from a seed, with everything a real one keeps.

``people`` and ``probes`` are pure functions of the seed; ``build`` writes the folder. Nothing in the folder says
who the demo person is: only ``people.demo_person`` does.
"""
