"""The erasure request and what belongs to it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import models
from django.db.models import Q

from compliance.accounts.models import LegalEntity, User
from compliance.intake.ledgers import (
    Delivery,
    DigestSent,
    ListItem,
    ListPull,
    Outgoing,
    Partner,
    PartnerRequest,
    Recipient,
    Watch,
)
from compliance.intake.papers import Attachment, Draft, Knock, Proof, Retention
from compliance.rules import lifecycle
from compliance.rules.terms import EntityRole, Exemption, Ground, Law, Letter, Requester, State, Turn

__all__ = [
    "Attachment",
    "CaseKey",
    "Confirmation",
    "Decision",
    "DecisionKind",
    "Delivery",
    "DigestSent",
    "Draft",
    "ErasureRequest",
    "Knock",
    "ListItem",
    "ListPull",
    "Notice",
    "Outgoing",
    "Partner",
    "PartnerRequest",
    "Proof",
    "Recipient",
    "RequestQuerySet",
    "Retention",
    "Watch",
]


class RequestQuerySet(models.QuerySet["ErasureRequest"]):
    """Reads that doors and worker share."""

    def of(self, entities: Iterable[LegalEntity]) -> RequestQuerySet:
        """Cases of these legal entities."""
        return self.filter(entity__in=list(entities))

    def open(self) -> RequestQuerySet:
        """Cases on which something is still to be done."""
        return self.exclude(state__in=[State.CLOSED, State.WITHDRAWN, State.LAPSED])

    def by_deadline(self) -> RequestQuerySet:
        """Earliest promised date first."""
        return self.order_by("promised_on", "received_at")


class ErasureRequest(models.Model):
    """One erasure request; officers call it a case. Personal data is in ``sealed`` alone, under the case's key."""

    PERSONAL = {"sealed"}

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(max_length=16, unique=True)
    secret_hash = models.CharField(max_length=128)
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="requests")
    law = models.CharField(max_length=20, choices=Law.choices())
    laws = models.JSONField(default=list, blank=True, help_text="Every law that runs; empty: all of the entity's.")
    state = models.CharField(max_length=12, choices=State.choices(), default=State.RECEIVED)
    language = models.CharField(max_length=10, default="en")
    requester = models.CharField(max_length=10, choices=Requester.choices(), default=Requester.SELF)
    received_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True, blank=True)
    extended = models.BooleanField(default=False)
    nominal_on = models.DateField()
    conservative_on = models.DateField()
    promised_on = models.DateField(db_index=True)
    person_key = models.CharField(max_length=64, db_index=True, help_text="Keyed hash: links requests of one person.")
    sealed = models.BinaryField(help_text="Name, identifiers, words of the person; encrypted under the case's key.")
    round = models.PositiveSmallIntegerField(default=1, help_text="Rises when a case is challenged or looked at again.")

    objects = RequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["RECEIVED", "WITHDRAWN", "LAPSED"]) | Q(verified_at__isnull=False),
                name="past_received_means_verified",
            )
        ]
        indexes = [models.Index(fields=["entity", "state", "promised_on"], name="queue_by_deadline")]

    def __str__(self) -> str:
        return self.reference

    @property
    def stage(self) -> lifecycle.Stage:
        """This state's row in the lifecycle table."""
        return lifecycle.stage(State(self.state))

    @property
    def turn(self) -> Turn:
        """Whose turn it is."""
        return self.stage.turn


class CaseKey(models.Model):
    """The key of one case, wrapped by the installation's master key; destroying it forgets the person."""

    PERSONAL: set[str] = set()

    request = models.OneToOneField(ErasureRequest, on_delete=models.CASCADE, related_name="key")
    wrapped = models.BinaryField(null=True)
    destroyed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(wrapped__isnull=True, destroyed_at__isnull=False)
                | Q(wrapped__isnull=False, destroyed_at__isnull=True),
                name="key_is_there_or_destroyed",
            )
        ]

    def __str__(self) -> str:
        return f"key of {self.request_id}"


class Confirmation(models.Model):
    """A single-use code sent to one identifier; hashed at rest, short-lived, five tries."""

    PERSONAL: set[str] = set()

    request = models.ForeignKey(ErasureRequest, on_delete=models.CASCADE, related_name="confirmations")
    identifier_key = models.CharField(max_length=64, help_text="Keyed hash of the identifier that it proves.")
    code_hash = models.CharField(max_length=128)
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"code for {self.request_id}"

    def live(self, now: datetime) -> bool:
        """Whether the code may still be tried."""
        return self.used_at is None and now < self.expires_at


class DecisionKind(models.TextChoices):
    """What an officer, an approver or the person decided."""

    ACCEPT = "accept", "Accepted"
    REFUSE = "refuse", "Refused"
    EXTEND = "extend", "Extended"
    KEEP = "keep", "Kept under an exemption"
    ENDORSE = "endorse", "Plan endorsed"
    APPROVE = "approve", "Plan approved"
    LOOK_AGAIN = "look_again", "Look again"
    SIGN_OFF = "sign_off", "Signed off"
    WITHDRAW = "withdraw", "Withdrawn"
    CHALLENGE = "challenge", "Challenged"
    ROLE = "role", "Role for an artifact"
    LAWS = "laws", "Laws that apply"
    RESTRICT = "restrict", "Restricted instead of erased"
    HOLD = "hold", "Legal hold"
    RELEASE = "release", "Legal hold ended"
    PAUSE = "pause", "Identity asked for"
    RESUME = "resume", "Identity shown"
    EXCESSIVE = "excessive", "Manifestly unfounded or excessive"
    UNIDENTIFIED = "unidentified", "Person cannot be identified"
    FORWARD = "forward", "Forwarded to the controller"
    INSTRUCT = "instruct", "Instructed by the controller"
    REPLAN = "replan", "Back to the plan"


class Decision(models.Model):
    """Who decided what, when, on which ground and why; a scope (artifact) makes it a partial one."""

    PERSONAL = {"reason", "detail"}

    request = models.ForeignKey(ErasureRequest, on_delete=models.CASCADE, related_name="decisions")
    kind = models.CharField(max_length=12, choices=DecisionKind.choices)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions")
    at = models.DateTimeField()
    round = models.PositiveSmallIntegerField(default=1)
    ground = models.CharField(max_length=12, choices=Ground.choices(), blank=True)
    exemption = models.CharField(max_length=12, choices=Exemption.choices(), blank=True)
    artifact = models.CharField(max_length=100, blank=True, help_text="Slug of the artifact; blank for the whole case.")
    role = models.CharField(max_length=12, choices=EntityRole.choices(), blank=True)
    reason = models.TextField(blank=True)
    detail = models.TextField(blank=True, help_text="What shows it, what is asked for, or what would help.")
    plan_digest = models.CharField(max_length=64, blank=True)
    review_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(kind="accept") | ~Q(ground=""), name="acceptance_names_a_ground"),
            models.CheckConstraint(
                condition=~Q(kind__in=["refuse", "extend"]) | ~Q(reason=""), name="refusal_and_extension_say_why"
            ),
            models.CheckConstraint(condition=~Q(kind="keep") | ~Q(exemption=""), name="keeping_needs_an_exemption"),
            models.CheckConstraint(
                condition=~Q(kind="hold") | (~Q(exemption="") & Q(review_on__isnull=False)),
                name="a_hold_has_an_article_and_a_day",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["endorse", "approve"]) | ~Q(plan_digest=""), name="approval_is_bound_to_a_digest"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["withdraw", "challenge", "release", "resume"]) | Q(by__isnull=False),
                name="staff_decisions_have_an_author",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.request_id}"


class Notice(models.Model):
    """A letter owed to the data subject: a row before it is an e-mail."""

    PERSONAL = {"sealed"}

    request = models.ForeignKey(ErasureRequest, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=12, choices=Letter.choices())
    language = models.CharField(max_length=10)
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField()
    sealed = models.BinaryField(null=True, help_text="What only this letter says (a code), then the letter as sent.")
    sent_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return f"{self.kind} for {self.request_id}"
