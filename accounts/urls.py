from __future__ import annotations

from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("login/", views.sign_in, name="login"),
    path("logout/", views.SignOutView.as_view(), name="logout"),
    path("password/", views.OwnPasswordView.as_view(), name="password"),
]
