"""Who may do what? One table.

Law: what is not in the table may not be done. Nobody who works on incidents sees who a person is
without leaving a trace, and whoever manages accounts has no access to people by that alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Role(StrEnum):
    """What somebody is to the security team. Somebody may have several."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    POLICY_AUTHOR = "policy_author"
    PRIVACY_OFFICER = "privacy_officer"
    ADMIN = "admin"

    @property
    def title(self) -> str:  # type: ignore[override]  # of `str`, which nobody calls here
        """For people."""
        return self.value.replace("_", " ")


class Permission(StrEnum):
    """Something that somebody may do. Each page and each call of the API needs exactly one."""

    OWN = "own"  # one's own password, sessions and API keys
    SEE_OVERVIEW = "see_overview"
    SEE_INCIDENTS = "see_incidents"
    WORK_INCIDENTS = "work_incidents"  # status, assignee, resolution, notes, bulk
    DRAFT_EXCEPTION = "draft_exception"
    ASK_PERSON = "ask_person"  # who an incident's person is, with a reason
    GRANT_PERSON = "grant_person"  # approve what somebody else asked
    SEE_COACHING = "see_coaching"  # who was coached on what, with their reasons
    WITHDRAW_GRANT = "withdraw_grant"  # take back what somebody may send on their reason
    SEE_SERVICES = "see_services"
    SORT_HOSTS = "sort_hosts"  # dismiss hosts that look like AI services, or take that back
    SEE_POLICIES = "see_policies"
    TRY_POLICIES = "try_policies"  # scratch pad, test cases
    SEE_HEALTH = "see_health"
    SEE_AUDIT = "see_audit"
    MANAGE_ACCOUNTS = "manage_accounts"


_EVERYBODY = frozenset(
    {
        Permission.OWN,
        Permission.SEE_OVERVIEW,
        Permission.SEE_INCIDENTS,
        Permission.SEE_SERVICES,
        Permission.SEE_POLICIES,
        Permission.SEE_HEALTH,
    }
)

MAY: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _EVERYBODY,
    Role.ANALYST: _EVERYBODY
    | {
        Permission.WORK_INCIDENTS,
        Permission.DRAFT_EXCEPTION,
        Permission.ASK_PERSON,
        Permission.SEE_COACHING,
        Permission.WITHDRAW_GRANT,
        Permission.TRY_POLICIES,
        Permission.SORT_HOSTS,
    },
    Role.POLICY_AUTHOR: _EVERYBODY
    | {
        Permission.DRAFT_EXCEPTION,
        Permission.SEE_COACHING,
        Permission.TRY_POLICIES,
        Permission.SORT_HOSTS,
    },
    Role.PRIVACY_OFFICER: _EVERYBODY
    | {
        Permission.ASK_PERSON,
        Permission.GRANT_PERSON,
        Permission.SEE_COACHING,
        Permission.WITHDRAW_GRANT,
        Permission.SEE_AUDIT,
    },
    Role.ADMIN: _EVERYBODY | {Permission.SEE_AUDIT, Permission.MANAGE_ACCOUNTS},
}
"""The table."""


def allowed(roles: Iterable[Role]) -> frozenset[Permission]:
    """All that somebody with these roles may do."""
    return frozenset().union(*(MAY[role] for role in roles))
