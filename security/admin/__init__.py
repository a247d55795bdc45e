"""The console of security operations. Changes go through the services."""

from __future__ import annotations

from security.admin import changes as changes
from security.admin import locks as locks
from security.admin import trouble as trouble
from security.admin import upkeep as upkeep
