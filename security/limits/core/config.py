"""The table of request limits: the specification's, with overrides from config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MAXIMUM = 1_000_000


@dataclass(frozen=True, slots=True)
class Limit:
    """A token bucket: it holds `burst_size` and refills by `requests_per_minute`."""

    requests_per_minute: int
    burst_size: int

    def times(self, factor: int) -> Limit:
        """Return the limit of a crowd: both numbers multiplied."""
        return Limit(self.requests_per_minute * factor, self.burst_size * factor)


class LimitsInvalid(ValueError):
    """The configured table makes no sense; the text says where."""


DEFAULT_LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "default": Limit(requests_per_minute=60, burst_size=5),
        "auth": Limit(requests_per_minute=5, burst_size=2),
        "high_risk": Limit(requests_per_minute=10, burst_size=2),
    }
)


def parse_limits(config: Mapping[str, object]) -> Mapping[str, Limit]:
    """Return the default table with the given classes and numbers replaced.

    `config` has the same shape; a class or a number that is left out keeps its
    default. Raises LimitsInvalid on an unknown class or key and on anything but a
    whole number from 1 to a million. Source: Security Considerations, "Rate Limiting".
    """
    unknown = sorted(set(config) - set(DEFAULT_LIMITS))
    if unknown:
        raise LimitsInvalid(f"RATE_LIMIT_CONFIG: unknown class {', '.join(unknown)}.")
    return MappingProxyType(
        {
            name: _parse_limit(name, config.get(name, {}), default)
            for name, default in DEFAULT_LIMITS.items()
        }
    )


def _parse_limit(name: str, given: object, default: Limit) -> Limit:
    if not isinstance(given, Mapping):
        raise LimitsInvalid(f"RATE_LIMIT_CONFIG.{name} must be an object.")
    unknown = sorted(set(given) - {"requests_per_minute", "burst_size"})
    if unknown:
        raise LimitsInvalid(f"RATE_LIMIT_CONFIG.{name}: unknown key {unknown[0]}.")
    return Limit(
        requests_per_minute=_parse_number(
            f"{name}.requests_per_minute",
            given.get("requests_per_minute", default.requests_per_minute),
        ),
        burst_size=_parse_number(
            f"{name}.burst_size", given.get("burst_size", default.burst_size)
        ),
    )


def _parse_number(name: str, value: object) -> int:
    # type(), not isinstance(): True is an int, and never a limit.
    if type(value) is not int or not 1 <= value <= MAXIMUM:
        raise LimitsInvalid(
            f"RATE_LIMIT_CONFIG.{name} must be a whole number from 1 to {MAXIMUM}."
        )
    return value
