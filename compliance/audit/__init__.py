"""What was done: an append-only Merkle log with signed heads, and the verifier that needs no database.

Anybody may ``services.record`` inside a transaction; one sequencer builds the tree; nobody can change or remove a line.

    AuditError                    what every error of this package is
      NotInTransaction            an event was recorded outside the transaction of the fact it describes
      NotLogged                   a proof was asked for an event that the sequencer has not reached yet
      NoSuchGap                   there is no gap in the log to answer for, or more than a gap does not hold
      BadProof                    a proof's shape cannot belong to a tree of that size
      BadSuccession               a statement that one key follows another does not hold, or a rotation is not finished
      BadCheckpoint               a signed note is malformed, or its signature is not by the given key
"""
