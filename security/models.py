"""The tables of every feature, where Django looks for them."""

from __future__ import annotations

from security.alerts.models import Alert as Alert
from security.changes.models import ChangeRequest as ChangeRequest
from security.incidents.models import Incident as Incident
from security.incidents.models import IncidentStep as IncidentStep
from security.locks.models import ResourceLock as ResourceLock
from security.notifications.models import Notification as Notification
from security.notifications.models import SecurityContact as SecurityContact
from security.reviews.models import Review as Review
from security.signing.models import RequestNonce as RequestNonce
