"""One address, the same as in the product."""

from __future__ import annotations

from django.urls import path

from benchmarks.naive.api import TransactionCreateView

urlpatterns = [path("api/v1/transactions/", TransactionCreateView.as_view())]
