"""Staff, legal entities, and the role somebody holds for an entity."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models

from compliance.rules.terms import Law, Role


class User(AbstractUser):
    """A member of staff; data subjects have no account."""

    PERSONAL = {"username", "first_name", "last_name", "email"}


class LegalEntity(models.Model):
    """A company that answers requests, with its law, calendar and supervisory authority."""

    PERSONAL: set[str] = set()

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    laws = models.JSONField(default=list, help_text="Statutes that apply, first one leads.")
    country = models.CharField(max_length=2)
    subdivision = models.CharField(max_length=6, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    contact = models.CharField(max_length=200, help_text="Where a data subject reaches the privacy office.")
    authority = models.CharField(max_length=200, help_text="The supervisory authority named in letters.")
    phone_region = models.CharField(max_length=2, default="DE")
    small_agent = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "legal entities"

    def __str__(self) -> str:
        return self.name

    @property
    def law(self) -> Law:
        """The law that leads on this entity's cases."""
        return Law(self.laws[0])


class Membership(models.Model):
    """One role of one member of staff for one legal entity."""

    PERSONAL: set[str] = set()

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    entity = models.ForeignKey(LegalEntity, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "entity", "role"], name="one_row_per_role")]

    def __str__(self) -> str:
        return f"{self.role} for {self.entity_id}"


class ScopedToken(models.Model):
    """A key for a machine outside the company: one legal entity, a few scopes, an end; only its hash is kept."""

    PERSONAL: set[str] = set()

    entity = models.ForeignKey(LegalEntity, on_delete=models.CASCADE, related_name="scoped_tokens")
    name = models.CharField(max_length=80, help_text="Who holds it, in the operator's words.")
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "name"], name="one_token_of_a_name")]

    def __str__(self) -> str:
        return self.name
