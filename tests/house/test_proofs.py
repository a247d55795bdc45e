"""Each service of people takes a fresh proof from its caller, or says why not (C17)."""

from __future__ import annotations

import inspect
from importlib import import_module

from security.step_up import TAKING_PROOF
from tests.house.source import APPS, ROOT, python_files

# Sometimes: tests/accounts/test_proofs.py shows when.
SOMETIMES = {
    "accounts.update_user": "what gives rights or changes who somebody is",
    "agents.set_policy": "what loosens",
    "agents.set_function_enabled": "to enable",
    "agents.update_agent": "to reactivate",
    "agents.unlock_agent": "by unlock_resource",
    "transactions.approve": "large amounts",
    "transactions.refund": "by a person, in the agent's place",
    "transactions.void": "by a person, in the agent's place",
}
NEVER = {
    "accounts.create_team": "gives nobody anything until somebody is in it",
    "accounts.rename_team": "gives nobody anything",
    "accounts.set_password": "one's own; the page takes the proof",
    "accounts.renew_proof": "is the proof",
    "accounts.step_up": "is the proof",
    "accounts.revoke_all_sessions": "stops",
    "accounts.revoke_session": "stops",
    "accounts.sign_out": "stops",
    "agents.create_agent": "may nothing without a policy",
    "agents.lock_agent": "stops",
    "agents.revoke_credential": "stops",
    "audit.ask_for_verification": "changes nothing",
    "audit.remove_filter": "one's own list",
    "audit.save_filter": "one's own list",
    "security.acknowledge_alert": "says that it was seen",
    "security.complete_review": "says that it was done",
    "security.lock_resource": "stops",
    "security.reject_change": "stops",
    "security.request_change": "waits for a second person",
    "security.retry_notification": "sends what was to be sent",
    "security.update_incident": "says what was done; to unlock is another service",
    "transactions.cancel": "an agent's",
    "transactions.capture": "an agent's",
    "transactions.deny_approval": "stops",
    "transactions.increment": "an agent's",
    "transactions.replay_decision": "changes nothing",
    "transactions.request_function_call": "an agent's",
    "transactions.request_transaction": "an agent's",
    "transactions.revoke_delegation": "stops",
    "transactions.simulate_policy": "changes nothing",
    "transactions.view_approval": "changes nothing",
}


# Only other services call these; what a person calls is the service around them.
WITHIN = {
    "accounts.apply_rights_change",
    "accounts.ask_for_own_rights",
    "accounts.end_all_sessions",
    "accounts.note_provisioning",
    "agents.apply_hand_over",
    "agents.apply_policy_change",
    "agents.end_credentials",
    "agents.hand_over",
    "agents.lock_managed",
    "agents.managed_agent",
    "agents.put_in_force",
    "agents.require",
    "security.lock_in_transaction",
    "transactions.act_once",
    "transactions.apply_approver_limit",
    "transactions.apply_late_capture",
    "transactions.apply_late_reversal",
    "transactions.apply_shared_budget",
    "transactions.lock_people",
}


def services_of_people() -> dict[str, str]:
    """Return each public service that has an `acting`, and its full name."""
    found = {}
    for path in python_files(*APPS[1:]):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if "services" not in module.split("."):
            continue
        for name, service in vars(import_module(module)).items():
            if (
                inspect.isfunction(service)
                and service.__module__ == module
                and not name.startswith("_")
                and "acting" in inspect.signature(service).parameters
            ):
                found[f"{module.split('.')[0]}.{name}"] = f"{module}.{name}"
    assert {*found} >= WITHIN
    return {name: found[name] for name in {*found} - WITHIN}


def test_c17_every_service_takes_a_fresh_proof_or_says_why_not():
    services = services_of_people()
    always = {name for name, full in services.items() if full in TAKING_PROOF}

    assert len(always) > 10
    assert {*services} - always - {*SOMETIMES} - {*NEVER} == set(), "say which it is"
    assert ({*SOMETIMES} | {*NEVER}) - {*services} == set(), "no such service"
    assert always & ({*SOMETIMES} | {*NEVER}) == set()
