"""The field's words as enums, each member with the label that people read.

A term is a ``str`` so that it can be stored as it is, and carries ``.label`` in English; doors translate the label.
"""

from __future__ import annotations

from enum import StrEnum


class Term(StrEnum):
    """A word of the glossary: its value is stored, its label is read."""

    label: str

    def __new__(cls, value: str, label: str = "") -> Term:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        """Pairs (value, label) in the order of the class, as model fields and forms want them."""
        return [(member.value, member.label) for member in cls]


class Law(Term):
    """A statute under which a request is answered."""

    GDPR = "gdpr", "GDPR (European Union)"
    UK_GDPR = "uk_gdpr", "UK GDPR"
    LGPD = "lgpd", "LGPD (Brazil)"
    CCPA = "ccpa", "CCPA/CPRA (California)"
    SWISS_FADP = "swiss_fadp", "FADP (Switzerland)"


class EntityRole(Term):
    """What the legal entity is for an artifact (GDPR Art. 4(7), 4(8), 26; LGPD Art. 5 VI, VII)."""

    CONTROLLER = "controller", "Controller"
    PROCESSOR = "processor", "Processor"
    JOINT = "joint", "Joint controller"


class Ground(Term):
    """Why the person may ask for erasure (GDPR Art. 17(1); LGPD Art. 18)."""

    NO_LONGER_NECESSARY = "17-1-a", "No longer necessary: GDPR Art. 17(1)(a)"
    CONSENT_WITHDRAWN = "17-1-b", "Consent withdrawn: GDPR Art. 17(1)(b)"
    OBJECTION = "17-1-c", "Objection: GDPR Art. 17(1)(c)"
    UNLAWFUL = "17-1-d", "Unlawfully processed: GDPR Art. 17(1)(d)"
    LEGAL_DUTY = "17-1-e", "Legal duty to erase: GDPR Art. 17(1)(e)"
    CHILD = "17-1-f", "Collected from a child online: GDPR Art. 17(1)(f)"
    LGPD_EXCESS = "18-iv", "Unnecessary, excessive or unlawful: LGPD Art. 18 IV"
    LGPD_CONSENT = "18-vi", "Processed with consent: LGPD Art. 18 VI"
    CCPA_REQUEST = "1798.105", "Consumer's request: Cal. Civ. Code 1798.105(a)"


class Exemption(Term):
    """Why something is kept all the same (GDPR Art. 17(3); LGPD Art. 16)."""

    EXPRESSION = "17-3-a", "Freedom of expression and information: GDPR Art. 17(3)(a)"
    LEGAL_OBLIGATION = "17-3-b", "Legal obligation or public task: GDPR Art. 17(3)(b)"
    PUBLIC_HEALTH = "17-3-c", "Public health: GDPR Art. 17(3)(c)"
    ARCHIVE_RESEARCH = "17-3-d", "Archiving, research or statistics: GDPR Art. 17(3)(d)"
    LEGAL_CLAIMS = "17-3-e", "Legal claims: GDPR Art. 17(3)(e)"
    LGPD_LEGAL_DUTY = "16-i", "Legal or regulatory duty: LGPD Art. 16 I"
    LGPD_RESEARCH = "16-ii", "Research body, anonymised where possible: LGPD Art. 16 II"
    LGPD_TRANSFER = "16-iii", "Lawful transfer to a third party: LGPD Art. 16 III"
    LGPD_OWN_USE = "16-iv", "Own exclusive use, anonymised: LGPD Art. 16 IV"
    CCPA_EXCEPTION = "1798.105-d", "Exception to deletion: Cal. Civ. Code 1798.105(d)"
    RESTRICTION = "18-1", "Restricted instead of erased, as the person chose: GDPR Art. 18(1)"


class Requester(Term):
    """Who fills in the form."""

    SELF = "self", "The person themselves"
    PARENT = "parent", "A parent or guardian"
    AGENT = "agent", "An authorised agent"
    AT_RISK = "at_risk", "A person at risk"
    CONTROLLER = "controller", "The controller for whom data is held"


class IdentifierKind(Term):
    """What finds a person; a bare name never does so alone."""

    EMAIL = "email", "E-mail address"
    PHONE = "phone", "Phone number"
    CUSTOMER_ID = "customer_id", "Customer number"
    USERNAME = "username", "User name"
    NAME = "name", "Name"
    TAX_ID = "tax_id", "Tax number"


class State(Term):
    """A fact about a case; what may follow stands in ``lifecycle``."""

    RECEIVED = "RECEIVED", "Received"
    VERIFIED = "VERIFIED", "Identity confirmed"
    ACCEPTED = "ACCEPTED", "Accepted"
    TRACED = "TRACED", "Traced"
    PLANNED = "PLANNED", "Planned"
    APPROVED = "APPROVED", "Approved"
    MITIGATED = "MITIGATED", "Mitigated"
    VALIDATED = "VALIDATED", "Validated"
    ANSWERED = "ANSWERED", "Answered"
    REFUSED = "REFUSED", "Refused"
    FORWARDED = "FORWARDED", "Forwarded to the controller"
    CLOSED = "CLOSED", "Closed"
    WITHDRAWN = "WITHDRAWN", "Withdrawn"
    LAPSED = "LAPSED", "Lapsed"


class Turn(Term):
    """Whose turn it is while a case stands in a state."""

    DATA_SUBJECT = "data_subject", "Data subject"
    OFFICER = "officer", "Officer"
    TWO_OFFICERS = "two_officers", "Officer, then a second officer"
    SYSTEM = "system", "System"
    NOBODY = "nobody", "Nobody"


class Work(Term):
    """Work that a state starts, or that is ordered by itself; a verb, turned into a function by the worker's table."""

    TRACE = "TRACE", "Find the person"
    PLAN = "PLAN", "Draft the plan"
    MITIGATE = "MITIGATE", "Carry out the plan"
    VALIDATE = "VALIDATE", "Prove the result"
    REPORT = "REPORT", "Write the evidence"
    FOLLOW_UP = "FOLLOW_UP", "Sweep again, run what was scheduled"
    UNLEARN = "UNLEARN", "Make a registered model forget"
    SCAN = "SCAN", "Read a part of a search"


class Letter(Term):
    """A letter to the data subject (mandatory parts: GDPR Art. 12; LGPD Art. 18)."""

    ACKNOWLEDGED = "acknowledged", "Acknowledgement, with the link to confirm"
    CODE = "code", "Code that proves an address"
    ACCEPTED = "accepted", "Accepted"
    EXTENDED = "extended", "Extension"
    OUTCOME = "outcome", "Outcome"
    REFUSED = "refused", "Refusal"
    IDENTITY = "identity", "Identity query"
    UNIDENTIFIED = "unidentified", "Cannot identify"
    FORWARDED = "forwarded", "Processor's reply"
    HELD = "held", "Legal hold"
    RESUMED = "resumed", "Legal hold ended"
    RESTRICTED = "restricted", "Restriction confirmed"
    WITHDRAWN = "withdrawn", "Withdrawal confirmed"
    LAPSED = "lapsed", "Lapsed"


class ArtifactKind(Term):
    """What a place of data is; decides which actions and checks apply."""

    DATASET = "dataset", "Data set"
    DATABASE = "database", "Database table"
    DERIVED_DATASET = "derived_dataset", "Derived data set"
    EVALUATION_SET = "evaluation_set", "Evaluation set"
    INDEX = "index", "Vector index"
    CACHE = "cache", "Answer cache"
    LOG = "log", "Log"
    MODEL = "model", "Model"
    CHECKPOINT = "checkpoint", "Checkpoint"


class Support(Term):
    """What supports that a match is the person."""

    EXACT = "exact", "Exact identifier"
    NORMALISED = "normalised", "Identifier in another spelling"
    CONTENT = "content", "Same content (hash)"
    LINEAGE = "lineage", "Derived from a record of the person"
    NEAR = "near", "Nearly the same text: needs the officer's tick"
    NAME = "name", "Name only: needs the officer's tick"


class Horizon(Term):
    """When a step is due."""

    IMMEDIATE = "immediate", "At once"
    SHORT_TERM = "short_term", "Within days"
    LONG_TERM = "long_term", "Scheduled"


class StepStatus(Term):
    """Where a step of a plan stands; only DONE counts as done."""

    PENDING = "pending", "Not started"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    WAITING = "waiting", "Waiting for its date or for somebody else"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Unknown: intent recorded, outcome not read back"


class JobStatus(Term):
    """Where a job stands."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Needs a person"


class Verdict(Term):
    """What a measurement says against the threshold fixed in the plan."""

    PASSED = "passed", "Passed"
    FAILED = "failed", "Failed"
    INCONCLUSIVE = "inconclusive", "Not enough power"


class Role(Term):
    """What a member of staff may do for one legal entity."""

    OFFICER = "officer", "Privacy officer"
    APPROVER = "approver", "Approver"
    ENGINEER = "engineer", "Engineer"
    AUDITOR = "auditor", "Auditor"
    ADMINISTRATOR = "administrator", "Administrator"


class Told(Term):
    """How far a recipient is with an erasure that they were told of; accepted is not erased."""

    TO_TELL = "to_tell", "To be told"
    REQUESTED = "requested", "Requested"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    CONFIRMED = "confirmed", "Confirmed"
    VERIFIED = "verified", "Verified"


class Channel(Term):
    """How a letter or a message to a recipient travels."""

    EMAIL = "email", "E-mail"
    PAPER = "paper", "Letter by post"
    WEBHOOK = "webhook", "Signed webhook"
    BY_HAND = "by_hand", "By hand"


class ClaimLevel(Term):
    """The strongest sentence that may be said about an artifact, weakest last."""

    ERASED = "erased", "Erased, and checked absent"
    MITIGATED = "mitigated", "Mitigated, with measured residual exposure"
    SUPPRESSED = "suppressed", "Suppressed, still stored"
    SCHEDULED = "scheduled", "Scheduled"
    PARTLY = "partly", "In part: pictures that show other people too stay"
    KEPT = "kept", "Kept because of an exemption"
    FORWARDED = "forwarded", "Forwarded to the controller, who decides"
    NOT_SHOWN = "not_shown", "Cannot be shown"
