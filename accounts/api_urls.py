from __future__ import annotations

from django.urls import path

from accounts.api import sessions, tokens

urlpatterns = [
    path("auth/token/", tokens.TokenCreateView.as_view()),
    path("auth/token/refresh/", tokens.TokenRefreshView.as_view()),
    path("auth/token/revoke/", tokens.TokenRevokeView.as_view()),
    path("auth/csrf/", tokens.CsrfView.as_view()),
    path("auth/step-up/", tokens.StepUpView.as_view()),
    path("auth/step-up/passkey/", tokens.PasskeyOptionsView.as_view()),
    path("auth/sessions/", sessions.SessionListView.as_view()),
    path("auth/sessions/revoke-all/", sessions.SessionRevokeAllView.as_view()),
    path("auth/sessions/<str:session_id>/", sessions.SessionRevokeView.as_view()),
    path("me/", sessions.MeView.as_view()),
]
