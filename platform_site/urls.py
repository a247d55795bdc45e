"""All addresses of the product."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from platform_site import (
    docs,
    health,
    metrics,
    reason_pages,
    views,
    vocabulary_pages,
    well_known,
)

# Django tries addresses in order: transactions first, because they are most frequent.
api_v1: list[URLPattern | URLResolver] = [
    path("", include("transactions.api_urls")),
    path("", include("accounts.api_urls")),
    path("", include("agents.api_urls")),
    path("", include("security.api_urls")),
    path("", include("audit.api_urls")),
    path("schema/", docs.SchemaView.as_view(**docs.OPEN), name="schema"),
]

urlpatterns = [
    path("api/v1/", include(api_v1)),
    path("", views.home, name="home"),
    path("", include("transactions.urls")),
    path("accounts/", include("accounts.urls")),
    path("agents/", include("agents.urls")),
    path("change-requests/", include("security.urls")),
    path("admin/", admin.site.urls),
    path(
        "api/docs/",
        docs.DocsView.as_view(**docs.OPEN, throttle_classes=[]),
        name="docs",
    ),
    path("errors/<slug:code>/", views.error_page, name="error"),
    path(".well-known/jwks.json", well_known.jwks, name="jwks"),
    path("docs/reasons/", reason_pages.reason_index, name="reasons"),
    path("docs/reasons/<slug:code>/", reason_pages.reason_page, name="reason"),
    path("docs/vocabularies/", vocabulary_pages.vocabulary_index, name="vocabularies"),
    path(
        "docs/vocabularies/<slug:name>/",
        vocabulary_pages.vocabulary_page,
        name="vocabulary",
    ),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]

handler400 = "platform_site.views.bad_request"
handler403 = "platform_site.views.permission_denied"
handler404 = "platform_site.views.not_found"
handler500 = "platform_site.views.server_error"
