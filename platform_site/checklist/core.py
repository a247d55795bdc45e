"""The Security Checklist, item by item. Source: Security Considerations, same title."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["pass", "fail", "not_done", "manual"]


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the checklist; `guidance` says what to do or how to verify it."""

    section: str
    key: str
    text: str
    guidance: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a check saw.

    Manual means that only a person can check it; not done, that the platform does
    nothing of the kind yet, however it is installed.
    """

    status: Status
    evidence: str


@dataclass(frozen=True, slots=True)
class Result:
    item: Item
    finding: Measurement


CHECKLIST = (
    Item(
        "Deployment",
        "https_only",
        "Enable HTTPS only",
        "Run with ENVIRONMENT=production behind a TLS 1.3 endpoint.",
    ),
    Item(
        "Deployment",
        "secure_headers",
        "Configure secure headers",
        "Keep the headers of platform_site/settings.py.",
    ),
    Item(
        "Deployment",
        "waf_rules",
        "Set up WAF rules",
        "In front of the platform, not in it: turn on your provider's core rule set"
        " for /api/ and /accounts/, in blocking mode, and note the rule set's version.",
    ),
    Item(
        "Deployment",
        "ddos_protection",
        "Enable DDoS protection",
        "In front of the platform: verify with your provider that volumetric"
        " protection covers the public address.",
    ),
    Item(
        "Deployment",
        "network_groups",
        "Configure network security groups",
        "Only the web port is reachable from outside; PostgreSQL and Redis only from"
        " the platform's hosts. Verify by a port scan from outside.",
    ),
    Item(
        "Application",
        "rate_limiting",
        "Implement rate limiting",
        "Keep the throttle in the defaults, and Redis reachable.",
    ),
    Item(
        "Application",
        "input_validation",
        "Validate all inputs",
        "Keep the strict parser and the strict filters in the defaults.",
    ),
    Item(
        "Application",
        "output_sanitizing",
        "Sanitize outputs",
        "Keep template escaping on, the API in JSON and the CSP without exceptions.",
    ),
    Item(
        "Application",
        "session_management",
        "Use secure session management",
        "Run with ENVIRONMENT=production and tokens of at most an hour.",
    ),
    Item(
        "Application",
        "error_handling",
        "Implement proper error handling",
        "Unset DEBUG; keep the problem+json handler.",
    ),
    Item(
        "Data",
        "encryption",
        "Encrypt sensitive data",
        "Set ENCRYPTION_KEY to a Fernet key that is not used for anything else.",
    ),
    Item(
        "Data",
        "backup_strategy",
        "Implement backup strategy",
        "Verify that encrypted backups of PostgreSQL are made and kept elsewhere, and"
        " that the last restore drill succeeded.",
    ),
    Item(
        "Data",
        "access_controls",
        "Configure access controls",
        "Keep the default permission and the role backend; give nobody a superuser's"
        " rights; leave FOUR_EYES on unless one person runs the platform.",
    ),
    Item(
        "Data",
        "data_access_monitoring",
        "Monitor data access",
        "Run the migrations; keep the worker and beat running.",
    ),
    Item(
        "Data",
        "security_audits",
        "Regular security audits",
        "Complete the reviews that are due in the console. The platform has no scan"
        " of its own yet: run one weekly and note what it found in that review.",
    ),
    Item(
        "AI/ML",
        "output_validation",
        "Validate AI outputs",
        "Send what models produce to outputs/validate/ before it is used.",
    ),
    Item(
        "AI/ML",
        "behavior_monitoring",
        "Monitor AI behavior",
        "Keep the worker and beat running. No release of the platform judges yet how"
        " agents behave over time: look at the dashboard and the alerts yourself.",
    ),
    Item(
        "AI/ML",
        "fail_safes",
        "Implement fail-safes",
        "Set a security contact in the console; keep the agents' responder.",
    ),
    Item(
        "AI/ML",
        "model_validation",
        "Regular model validation",
        "Backtest the risk model on labelled transactions of the last quarter and"
        " write the result into the quarterly review.",
    ),
    Item(
        "AI/ML",
        "function_calling",
        "Secure function calling",
        "Keep the schema checks of the function registry.",
    ),
)
