"""drf-spectacular's settings for docs/openapi.yaml."""

from __future__ import annotations

from typing import Any

from platform_site.api_names import ENUM_NAMES, SHARED_SCHEMAS

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "AI Agent Platform",
    "DESCRIPTION": "Security control plane for AI agents: allow, hold or deny.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": ENUM_NAMES,
    "APPEND_COMPONENTS": {"schemas": SHARED_SCHEMAS},
}
