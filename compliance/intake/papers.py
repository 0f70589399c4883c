"""What stands beside a case: proofs, attachments, drafts, the day it is forgotten, an officer's words for a letter."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from compliance.accounts.models import User
from compliance.rules.asking import Checked, ProvenBy
from compliance.rules.terms import Letter

_CASE = "intake.ErasureRequest"


class Proof(models.Model):
    """Who showed, when and how, that an identifier is the person's; never what was shown."""

    PERSONAL: set[str] = set()

    request = models.ForeignKey(_CASE, on_delete=models.CASCADE, related_name="proofs")
    identifier_key = models.CharField(max_length=64, help_text="Keyed hash of the identifier; blank when forgotten.")
    kind = models.CharField(max_length=12)
    proven_by = models.CharField(max_length=10, choices=ProvenBy.choices())
    checked = models.CharField(max_length=20, choices=Checked.choices(), blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="proofs")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "identifier_key"], condition=~Q(identifier_key=""), name="one_proof_per_identifier"
            ),
            models.CheckConstraint(
                condition=~Q(proven_by__in=["officer", "mandate"]) | Q(by__isnull=False),
                name="an_officers_check_has_an_officer",
            ),
            models.CheckConstraint(
                condition=~Q(proven_by="officer") | ~Q(checked=""), name="an_officers_check_says_how"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} proven by {self.proven_by}"


class Attachment(models.Model):
    """A file that came with a request: examined, without metadata, sealed; under the case's key once it was sent."""

    PERSONAL = {"sealed"}

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey(_CASE, on_delete=models.CASCADE, null=True, blank=True, related_name="attachments")
    kind = models.CharField(max_length=12, help_text="What the content is: pdf, png, jpeg, text.")
    mandate = models.BooleanField(default=False, help_text="Shows that somebody may ask for another person.")
    size = models.PositiveIntegerField(help_text="Bytes after cleaning.")
    sealed = models.BinaryField(null=True, help_text="Name and content, encrypted.")
    created_at = models.DateTimeField(auto_now_add=True)
    destroyed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(sealed__isnull=True, destroyed_at__isnull=False)
                | Q(sealed__isnull=False, destroyed_at__isnull=True),
                name="attachment_is_there_or_destroyed",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.request_id}"


class Draft(models.Model):
    """A form that somebody will come back to: readable only with the code that they were shown."""

    PERSONAL = {"sealed"}

    code_hash = models.CharField(max_length=64, unique=True)
    sealed = models.BinaryField(help_text="The answers, under a key that is derived from the code alone.")
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"draft until {self.expires_at:%Y-%m-%d}"


class Knock(models.Model):
    """How often somebody knocked within one hour; who it was is a keyed hash, and goes after a day."""

    PERSONAL: set[str] = set()

    key = models.CharField(max_length=64)
    hour = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "hour"], name="one_counter_per_hour")]

    def __str__(self) -> str:
        return f"{self.count} at {self.hour:%H}"


class Retention(models.Model):
    """A case that has ended: the day on which its personal data goes, and when it went."""

    PERSONAL: set[str] = set()

    request = models.OneToOneField(_CASE, on_delete=models.CASCADE, related_name="retention")
    ends_on = models.DateField(db_index=True)
    forgotten_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"until {self.ends_on}"


class OwnWords(models.Model):
    """What an officer adds to the next letter of a kind; the row goes when the letter has gone."""

    PERSONAL = {"sealed"}

    request = models.ForeignKey(_CASE, on_delete=models.CASCADE, related_name="own_words")
    kind = models.CharField(max_length=12, choices=Letter.choices())
    sealed = models.BinaryField(null=True, help_text="The paragraphs, encrypted under the case's key.")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "kind"], name="own_words_once_a_letter")]

    def __str__(self) -> str:
        return f"words for {self.kind} of {self.request_id}"
