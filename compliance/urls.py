"""Every address of the house: the door for people at the root, the door for machines under ``/api/``."""

from __future__ import annotations

from django.urls import include, path

from compliance.web import company_account

urlpatterns = [
    path("api/", include("compliance.api.urls")),
    path("oidc/<slug:provider_id>/login/", company_account.sign_in, name="openid_connect_login"),
    path("oidc/<slug:provider_id>/login/callback/", company_account.come_back, name="openid_connect_callback"),
    path("opendsr/", include("compliance.api.opendsr")),
    path("drp/", include("compliance.api.drp")),
    path("webhooks/", include("compliance.api.webhooks")),
    path("", include("compliance.web.urls")),
]

handler400 = "compliance.web.pages.bad_request"
handler403 = "compliance.web.pages.forbidden"
handler404 = "compliance.web.pages.not_found"
handler500 = "compliance.web.pages.broken"
