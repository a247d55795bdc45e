from __future__ import annotations

from django.urls import path

from accounts import api

urlpatterns = [
    path("auth/token/", api.TokenCreateView.as_view()),
    path("auth/token/refresh/", api.TokenRefreshView.as_view()),
    path("auth/token/revoke/", api.TokenRevokeView.as_view()),
    path("auth/csrf/", api.CsrfView.as_view()),
    path("auth/step-up/", api.StepUpView.as_view()),
    path("auth/step-up/passkey/", api.PasskeyOptionsView.as_view()),
    path("auth/sessions/", api.SessionListView.as_view()),
    path("auth/sessions/revoke-all/", api.SessionRevokeAllView.as_view()),
    path("auth/sessions/<str:session_id>/", api.SessionRevokeView.as_view()),
    path("me/", api.MeView.as_view()),
]
