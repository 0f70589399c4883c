"""Which requests are of one person: equal keyed identity, by a spelling rule that never changes.

The search for a person learns new spellings with every version. Links between requests must not: whoever was linked
yesterday is linked tomorrow. So the rule here is frozen (its version is part of what is hashed), small, and pinned by a
test; a better rule would be ``v2`` beside it, never instead of it.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata

from compliance.intake import vault
from compliance.intake.models import ErasureRequest, RequestQuerySet
from compliance.rules.terms import IdentifierKind

_VERSION = "v1"


def frozen(kind: IdentifierKind | str, value: str) -> str:
    """The form that is hashed: NFKC, case folded, no white space; of a telephone number its digits."""
    plain = "".join(unicodedata.normalize("NFKC", value).casefold().split())
    return "".join(c for c in plain if c.isdigit()) if kind == IdentifierKind.PHONE else plain


def key_of(kind: IdentifierKind | str, value: str) -> str:
    """HMAC-SHA256 (hex) of the frozen form under the installation's lookup key; equal for one person's requests."""
    message = f"{_VERSION}\x00{kind}\x00{frozen(kind, value)}"
    return hmac.new(vault.lookup_key(), message.encode(), hashlib.sha256).hexdigest()


def others_of(request: ErasureRequest) -> RequestQuerySet:
    """Requests of the same entity that proved an identifier which this one proved too, newest first.

    What was only typed links nothing: whoever types somebody else's address must not see, close or delay their case.
    """
    proven = request.proofs.exclude(identifier_key="").values("identifier_key")
    same = ErasureRequest.objects.filter(entity=request.entity, proofs__identifier_key__in=proven)
    return same.exclude(pk=request.pk).distinct().order_by("-received_at")
