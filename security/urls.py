from __future__ import annotations

from django.urls import path

from security.changes import views

app_name = "security"

urlpatterns = [
    path("", views.change_list, name="change-list"),
    path("<str:change_id>/", views.change_detail, name="change-detail"),
]
