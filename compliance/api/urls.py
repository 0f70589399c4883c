"""The addresses of this door; the last one turns every other address into a problem document."""

from __future__ import annotations

from typing import Any

from django.urls import path, re_path, register_converter
from django.urls.converters import IntConverter, StringConverter
from drf_spectacular.views import SpectacularSwaggerSplitView

from compliance.api import (
    bounces,
    cases,
    deciding,
    following,
    lineage,
    log,
    meaning,
    packs,
    pipelines,
    register,
    subject,
    together,
    unlearning,
    working,
)

app_name = "api"


class ReferenceConverter(StringConverter):
    """A case's reference, so that nothing else reaches the database."""

    regex = "OUB-[0-9A-Z]{4}-[0-9A-Z]{4}"


class NumberConverter(IntConverter):
    """A number that every database can hold."""

    regex = "[0-9]{1,9}"


register_converter(ReferenceConverter, "reference")
register_converter(NumberConverter, "number")

CASE = "v1/cases/<reference:reference>/"
UNLEARNING = "v1/unlearning/jobs/<uuid:order>/"
V1: list[Any] = [
    path("v1/requests/", subject.Requests.as_view(), name="requests"),
    path("v1/requests/confirm/", subject.Confirm.as_view(), name="confirm"),
    path("v1/requests/status/", subject.Status.as_view(), name="status"),
    path("v1/cases/", cases.Cases.as_view(), name="cases"),
    path(CASE, cases.Case.as_view(), name="case"),
    path(f"{CASE}accept/", deciding.Accept.as_view(), name="accept"),
    path(f"{CASE}refuse/", deciding.Refuse.as_view(), name="refuse"),
    path(f"{CASE}keep/", deciding.Keep.as_view(), name="keep"),
    path(f"{CASE}extend/", deciding.Extend.as_view(), name="extend"),
    path(f"{CASE}approve/", deciding.Approve.as_view(), name="approve"),
    path(f"{CASE}look-again/", deciding.LookAgain.as_view(), name="look-again"),
    path(f"{CASE}sign-off/", deciding.SignOff.as_view(), name="sign-off"),
    path(f"{CASE}lift/", deciding.Lift.as_view(), name="lift"),
    path(f"{CASE}together/", together.Sharings.as_view(), name="together"),
    path(f"{CASE}together/bind/", together.Bind.as_view(), name="together-bind"),
    path(f"{CASE}together/leave/", together.Leave.as_view(), name="together-leave"),
    path(f"{CASE}together/begin/", together.Begin.as_view(), name="together-begin"),
    path(f"{CASE}jobs/<uuid:job>/retry/", working.RetryJob.as_view(), name="retry"),
    path(f"{CASE}reports/<number:number>/pack/", packs.Pack.as_view(), name="pack"),
    path("v1/steps/<number:step>/wake/", working.WakeStep.as_view(), name="wake"),
    path("v1/artifacts/", register.Artifacts.as_view(), name="artifacts"),
    path("v1/derivations/", register.Derivations.as_view(), name="derivations"),
    path("v1/lineage", lineage.Lineage.as_view(), name="lineage"),
    path("v1/log/head/", log.LogHead.as_view(), name="log-head"),
    path("v1/log/events/<uuid:event>/proof/", log.EventProof.as_view(), name="event-proof"),
    path("v1/bounces/", bounces.Bounces.as_view(), name="bounces"),
    path("v1/exclusions/", pipelines.ExclusionList.as_view(), name="exclusions"),
    path("v1/exclusions/check/", pipelines.ExclusionCheck.as_view(), name="exclusions-check"),
    path("v1/suppressions/", pipelines.SuppressionList.as_view(), name="suppressions"),
    path("v1/unlearning/models/", unlearning.Models.as_view(), name="unlearning-models"),
    path("v1/unlearning/jobs/", unlearning.Jobs.as_view(), name="unlearning-jobs"),
    path(UNLEARNING, unlearning.Job.as_view(), name="unlearning-job"),
    path(f"{UNLEARNING}cancel/", unlearning.Cancel.as_view(), name="unlearning-cancel"),
    path(f"{UNLEARNING}curve/", unlearning.Curve.as_view(), name="unlearning-curve"),
    path(f"{UNLEARNING}events/", following.Events.as_view(), name="unlearning-events"),
    path(f"{UNLEARNING}artifacts/<path:name>/", unlearning.Artifact.as_view(), name="unlearning-artifact"),
]
urlpatterns: list[Any] = [
    *V1,
    path("problems/<slug:slug>/", meaning.ProblemMeaning.as_view(), name="problem"),
    path("client.py", meaning.ClientFile.as_view(), name="client"),
    path("schema/", meaning.Schema.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
    re_path(r"", meaning.Unknown.as_view()),  # matches anything, line breaks too
]
