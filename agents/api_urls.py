from __future__ import annotations

from django.urls import path

from agents.api import agents, credentials, functions
from agents.policy import api as policy
from agents.prompts.api import OutputValidateView, PromptScreenView, PromptWrapView

urlpatterns = [
    path("auth/agent-token/", credentials.AgentTokenView.as_view()),
    path("agents/", agents.AgentListCreateView.as_view()),
    path("agents/<str:agent_id>/", agents.AgentDetailView.as_view()),
    path(
        "agents/<str:agent_id>/credentials/",
        credentials.AgentCredentialListCreateView.as_view(),
    ),
    path(
        "agents/<str:agent_id>/credentials/<str:credential_id>/",
        credentials.AgentCredentialRevokeView.as_view(),
    ),
    path(
        "agents/<str:agent_id>/credentials/<str:credential_id>/rotate/",
        credentials.AgentCredentialRotateView.as_view(),
    ),
    path("agents/<str:agent_id>/policy/", policy.AgentPolicyView.as_view()),
    path(
        "agents/<str:agent_id>/policy/versions/",
        policy.AgentPolicyVersionListView.as_view(),
    ),
    path("agents/<str:agent_id>/lock/", agents.AgentLockView.as_view()),
    path("agents/<str:agent_id>/unlock/", agents.AgentUnlockView.as_view()),
    path("functions/", functions.FunctionListCreateView.as_view()),
    path("functions/<str:name>/", functions.FunctionDetailView.as_view()),
    path(
        "functions/<str:name>/versions/",
        functions.FunctionVersionCreateView.as_view(),
    ),
    path("prompts/screen/", PromptScreenView.as_view()),
    path("prompts/wrap/", PromptWrapView.as_view()),
    path("outputs/validate/", OutputValidateView.as_view()),
]
