"""What was decided about each artifact of a case, and holds now."""

from __future__ import annotations

from dataclasses import dataclass, field

from compliance.intake.models import Decision, DecisionKind, ErasureRequest
from compliance.rules.terms import EntityRole, Exemption, Requester

EVERYWHERE = ""


@dataclass(frozen=True)
class Standing:
    """What was decided per artifact (by slug), and holds now; ``EVERYWHERE`` speaks for all of them."""

    roles: dict[str, EntityRole] = field(default_factory=dict)
    kept: dict[str, Exemption] = field(default_factory=dict)
    held: dict[str, Decision] = field(default_factory=dict)
    restricted: frozenset[str] = frozenset()
    instructed: bool = False

    def exemption_of(self, artifact: str) -> Exemption | None:
        """Why an artifact is kept: a hold, else an exemption, else the person's wish that it only be restricted."""
        held = self.held.get(artifact) or self.held.get(EVERYWHERE)
        if held:
            return Exemption(held.exemption)
        if artifact in self.kept:
            return self.kept[artifact]
        return Exemption.RESTRICTION if {artifact, EVERYWHERE} & self.restricted else None

    def role_of(self, artifact: str, registered: EntityRole) -> EntityRole:
        """What the entity is for an artifact in this case; a controller's instruction makes its processor act."""
        role = self.roles.get(artifact, registered)
        return EntityRole.CONTROLLER if self.instructed and role is EntityRole.PROCESSOR else role


def standing(request: ErasureRequest) -> Standing:
    """Read the case's decisions in order: a later one replaces an earlier one of its kind."""
    roles: dict[str, EntityRole] = {}
    kept: dict[str, Exemption] = {}
    held: dict[str, Decision] = {}
    restricted: set[str] = set()
    instructed = request.requester == Requester.CONTROLLER
    for row in request.decisions.order_by("at", "id"):
        match row.kind:
            case DecisionKind.ROLE:
                roles[row.artifact] = EntityRole(row.role)
            case DecisionKind.KEEP:
                kept[row.artifact] = Exemption(row.exemption)
            case DecisionKind.HOLD:
                held[row.artifact] = row
            case DecisionKind.RELEASE:
                held.pop(row.artifact, None)
            case DecisionKind.RESTRICT:
                restricted.add(row.artifact)
            case DecisionKind.INSTRUCT:
                instructed = True
    return Standing(roles, kept, held, frozenset(restricted), instructed)


_TAKEN_UP = (DecisionKind.ACCEPT, DecisionKind.INSTRUCT)
_TURNED_AWAY = (DecisionKind.REFUSE, DecisionKind.EXCESSIVE, DecisionKind.UNIDENTIFIED, DecisionKind.FORWARD)


def taken_up(request: ErasureRequest) -> bool:
    """Whether the last word on the case was to carry it out: neither refused nor forwarded since."""
    last = request.decisions.filter(kind__in=(*_TAKEN_UP, *_TURNED_AWAY)).order_by("-at", "-id").first()
    return last is None or last.kind in _TAKEN_UP
