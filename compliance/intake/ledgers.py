"""Ledgers beside a case: who was told, how letters travelled, which partner asked, and whether clocks are watched."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from compliance.accounts.models import LegalEntity, User
from compliance.rules.terms import Channel, Told

_CASE = "intake.ErasureRequest"


class Partner(models.Model):
    """Another organisation that our machines speak to: known by its public key, never by its address alone."""

    PERSONAL: set[str] = set()

    class Kind(models.TextChoices):
        """What the partner is to us."""

        CONTROLLER = "controller", "Controller (OpenDSR)"
        AGENT = "agent", "Authorised agent (Data Rights Protocol)"
        RECIPIENT = "recipient", "Recipient of data"

    entity = models.ForeignKey(LegalEntity, on_delete=models.CASCADE, related_name="partners")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    name = models.CharField(max_length=200)
    external_id = models.CharField(max_length=100, help_text="How the partner names itself in messages.")
    public_key = models.CharField(max_length=64, blank=True, help_text="Ed25519, 32 bytes, base64.")
    token_hash = models.CharField(max_length=64, blank=True, help_text="Keyed digest of its bearer token.")
    token_until = models.DateTimeField(null=True, blank=True)
    url = models.CharField(max_length=500, blank=True, help_text="Where signed webhooks go.")
    hosts = models.JSONField(default=list, help_text="Hosts that callbacks may go to.")
    gets_identifiers = models.BooleanField(default=False, help_text="Whether identifiers go to it over the webhook.")
    attests = models.BooleanField(default=False, help_text="Whether its word that an identifier was verified counts.")
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "external_id"], name="one_partner_per_name")]

    def __str__(self) -> str:
        return self.name


class PartnerRequest(models.Model):
    """The request as a partner's machine sent it: its own number for it, and where it wants to hear the status."""

    PERSONAL: set[str] = set()

    request = models.OneToOneField(_CASE, on_delete=models.CASCADE, related_name="partner_request")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="requests")
    external_id = models.CharField(max_length=100)
    own_number = models.CharField(max_length=100, blank=True, help_text="The agent's own number (DRP).")
    callbacks = models.JSONField(default=list)
    told_status = models.CharField(max_length=60, blank=True)
    received_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["partner", "external_id"], name="a_partner_names_it_once")]

    def __str__(self) -> str:
        return f"{self.external_id} of {self.partner_id}"


class Recipient(models.Model):
    """One organisation that has to be told of an erasure (GDPR Art. 19, 17(2); LGPD Art. 18 §6; CCPA 1798.105(c))."""

    PERSONAL: set[str] = set()

    request = models.ForeignKey(_CASE, on_delete=models.CASCADE, related_name="recipients")
    artifact = models.CharField(max_length=100, blank=True, help_text="Slug of the artifact that they were given.")
    name = models.CharField(max_length=300)
    article = models.CharField(max_length=60)
    channel = models.CharField(max_length=12, choices=Channel.choices(), default=Channel.BY_HAND)
    state = models.CharField(max_length=12, choices=Told.choices(), default=Told.TO_TELL)
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    requested_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    how = models.CharField(max_length=300, blank=True, help_text="How it was told or verified, without identifiers.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["request", "artifact", "name"], name="one_row_per_recipient"),
            models.CheckConstraint(
                condition=Q(state="to_tell") | Q(requested_at__isnull=False), name="who_was_told_was_told_at_a_time"
            ),
            models.CheckConstraint(
                condition=~Q(state="verified") | Q(verified_by__isnull=False, verified_at__isnull=False),
                name="verified_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"

    def become(self, to: Told, *, how: str = "", verified_by: User | None = None) -> None:
        """Take on a state with its time, and save."""
        self.state = to
        setattr(self, f"{to}_at", timezone.now())
        self.verified_by, self.how = verified_by or self.verified_by, how[:300] or self.how
        self.save()


class Outgoing(models.Model):
    """A message owed to a machine: a row before it is sent; what it says is made when it goes, so nothing is kept."""

    PERSONAL: set[str] = set()

    class Kind(models.TextChoices):
        """What the message is."""

        OPENDSR = "opendsr", "OpenDSR status callback"
        DRP = "drp", "Data Rights Protocol status callback"
        RECIPIENT = "recipient", "Erasure to pass on"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    request = models.ForeignKey(_CASE, on_delete=models.CASCADE, related_name="outgoing")
    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, null=True, blank=True, related_name="outgoing")
    url = models.CharField(max_length=500)
    status = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} for {self.request_id}"


class Delivery(models.Model):
    """How one letter travelled, and whether it came back."""

    PERSONAL = {"pdf"}

    notice = models.OneToOneField("intake.Notice", on_delete=models.CASCADE, related_name="delivery")
    channel = models.CharField(max_length=12, choices=Channel.choices(), default=Channel.EMAIL)
    message_id = models.CharField(max_length=200, blank=True, db_index=True)
    pdf = models.BinaryField(null=True, help_text="The letter to print, encrypted under the case's key.")
    posted_at = models.DateTimeField(null=True, blank=True)
    posted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    bounced_at = models.DateTimeField(null=True, blank=True)
    bounce = models.CharField(max_length=20, blank=True, help_text="Enhanced status code (RFC 3463), such as 5.1.1.")
    permanent = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"delivery of {self.notice_id}"


class Watch(models.Model):
    """When a watcher last looked: a clock that nobody watches is found by whoever reads this row."""

    PERSONAL: set[str] = set()

    name = models.CharField(max_length=40, unique=True)
    at = models.DateTimeField()
    seen = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class DigestSent(models.Model):
    """One digest a day and person."""

    PERSONAL: set[str] = set()

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="digests")
    day = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "day"], name="one_digest_a_day")]

    def __str__(self) -> str:
        return f"digest of {self.day}"


class ListPull(models.Model):
    """California's deletion list, as it was pulled (Civ. Code 1798.99.86)."""

    PERSONAL: set[str] = set()

    entity = models.ForeignKey(LegalEntity, on_delete=models.CASCADE, related_name="list_pulls")
    name = models.CharField(max_length=200, help_text="Name of the file.")
    sha256 = models.CharField(max_length=64)
    pulled_on = models.DateField()
    matched_at = models.DateTimeField(null=True, blank=True)
    exported_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "sha256"], name="one_pull_per_file")]

    def __str__(self) -> str:
        return self.name


class ListItem(models.Model):
    """One work item of a deletion list: a hashed identifier, and what became of it."""

    PERSONAL = {"hashed"}

    pull = models.ForeignKey(ListPull, on_delete=models.CASCADE, related_name="items")
    work_item = models.CharField(max_length=64)
    list_type = models.CharField(max_length=12)
    hashed = models.CharField(max_length=64, db_index=True)
    request = models.ForeignKey(_CASE, on_delete=models.SET_NULL, null=True, blank=True, related_name="list_items")
    found = models.PositiveIntegerField(null=True, blank=True, help_text="Records that match; null: not looked yet.")
    shared = models.BooleanField(default=False, help_text="Several people share the identifier.")
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    removed = models.BooleanField(default=False, help_text="The person took the request back.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pull", "list_type", "work_item"], name="one_row_per_item")]

    def __str__(self) -> str:
        return f"{self.list_type} {self.work_item}"
