"""The words of the form: what a person wishes, what they saw, why they may ask, how an identifier was proven."""

from __future__ import annotations

from compliance.rules.terms import Ground, Term


class Wish(Term):
    """What is asked for: three things that people mix up, and that are done in different places."""

    ERASE = "erase", "Erase my data"
    NO_TRAINING = "no_training", "Do not train on my data"
    NOT_SAID = "not_said", "Do not say this about me"


class Clue(Term):
    """What a person saw that holds their data: never a condition, and never proof of whose data it is."""

    LINK = "link", "Link to a page or answer"
    WORDS = "words", "Words that were shown"
    PROMPT = "prompt", "Question that makes it appear"


class Why(Term):
    """Why somebody asks, in their own words; the officer names the article."""

    NOT_NEEDED = "not_needed", "It is no longer needed"
    CHANGED_MIND = "changed_mind", "I agreed once, and take that back"
    OBJECT = "object", "I object to this use"
    NOT_ALLOWED = "not_allowed", "It was never allowed"
    MUST_GO = "must_go", "A law says that it must go"
    WAS_CHILD = "was_child", "I was a child when it was collected"
    UNSURE = "unsure", "I do not know"


# What each answer points to (GDPR Art. 17(1)); a hint for the officer, who decides.
POINTS_TO: dict[Why, Ground] = {
    Why.NOT_NEEDED: Ground.NO_LONGER_NECESSARY,
    Why.CHANGED_MIND: Ground.CONSENT_WITHDRAWN,
    Why.OBJECT: Ground.OBJECTION,
    Why.NOT_ALLOWED: Ground.UNLAWFUL,
    Why.MUST_GO: Ground.LEGAL_DUTY,
    Why.WAS_CHILD: Ground.CHILD,
}


class ProvenBy(Term):
    """How it was shown that an identifier is the person's."""

    CODE = "code", "Code sent to it"
    SIGN_IN = "sign_in", "Signed in with the company's account"
    OFFICER = "officer", "Checked by an officer"
    MANDATE = "mandate", "Mandate of an agent or parent, read by an officer"


class Checked(Term):
    """How an officer made sure; no copy of a document is ever kept (EDPB Guidelines 01/2022, 3.3)."""

    CALL_BACK = "call_back", "Called back on a number known before"
    KNOWN_FACTS = "known_facts", "Asked what only the person knows"
    IN_PERSON = "in_person", "Met in person"
    VIDEO = "video", "Video call"
    DOCUMENT_SEEN = "document_seen", "Document seen, not kept"
