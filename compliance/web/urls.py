"""Addresses of the pages; none of them carries a person's identifier."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path, register_converter
from django.urls.converters import StringConverter
from django.views.i18n import set_language

from compliance.web import (
    attached,
    auditor,
    case,
    colleagues,
    comeback,
    confirming,
    decide,
    officer_urls,
    pages,
    queue,
    second_factor,
    sign_in,
    speaking,
    status,
    subject,
    traces,
    unlearning,
)

app_name = "web"


class CaseConverter(StringConverter):
    """A case's reference, so that nothing else (a zero byte, say) reaches the database."""

    regex = "OUB-[0-9A-Z]{4}-[0-9A-Z]{4}"


register_converter(CaseConverter, "case")
_CASE = "officer/cases/<case:reference>/"

urlpatterns = [
    path("", subject.start, name="start"),
    path("request/", subject.begin, name="begin"),
    path("request/check/", subject.check, name="check"),
    path("request/sent/", subject.sent, name="sent"),
    path("request/saved/", comeback.saved, name="saved"),
    path("request/<slug:step>/remove/", subject.remove, name="remove"),
    path("request/<slug:step>/", subject.step, name="step"),
    path("resume/", comeback.resume, name="resume"),
    path("exit/", comeback.leave_at_once, name="exit"),
    path("confirm/", confirming.confirm, name="confirm"),
    path("confirm/again/", confirming.again, name="again"),
    path("status/", status.sign_in, name="status"),
    path("status/case/", status.show, name="status_case"),
    path("status/letters/<int:number>/", status.letter, name="status_letter"),
    path("status/withdraw/", speaking.withdraw, name="withdraw"),
    path("status/challenge/", speaking.challenge, name="challenge"),
    path("status/add/", speaking.add, name="add"),
    path("status/code/", speaking.send_code, name="send_code"),
    path("status/prove/", speaking.prove, name="prove"),
    path("status/leave/", status.leave, name="leave"),
    path("language/", set_language, name="language"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign_in"),
    path("sign-in/code/", second_factor.code, name="sign_in_code"),
    path("sign-in/welcome/<uidb64>/<token>/", sign_in.Welcome.as_view(), name="welcome"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("account/", second_factor.show, name="second_factor"),
    path("account/password/", sign_in.NewPassword.as_view(), name="new_password"),
    path("account/<slug:verb>/", second_factor.change, name="second_factor_change"),
    path("officer/", queue.show, name="queue"),
    path("officer/staff/", colleagues.show, name="colleagues"),
    path(_CASE, case.show, name="case"),
    path(f"{_CASE}progress/", case.progress, name="progress"),
    path(f"{_CASE}identifiers/", case.identifiers_shown, name="identifiers"),
    path(f"{_CASE}files/", attached.show, name="attached"),
    path(f"{_CASE}files/<uuid:number>/", attached.download, name="attached_file"),
    path(f"{_CASE}files/<uuid:number>/destroy/", attached.destroy, name="attached_destroy"),
    path(f"{_CASE}files/<uuid:number>/mandate/", attached.mandate, name="mandate"),
    path(f"{_CASE}traces/", traces.show, name="traces"),
    path(f"{_CASE}decide/<slug:verb>/", decide.decide, name="decide"),
    path(f"{_CASE}jobs/<uuid:job>/retry/", decide.retry, name="retry"),
    path(f"{_CASE}reports/<int:number>/pack/", auditor.pack, name="pack"),
    *officer_urls.paths(),
    path("auditor/", auditor.reports, name="reports"),
    path("auditor/log/", auditor.log, name="log"),
    path("auditor/log/<uuid:event>/", auditor.proof, name="proof"),
    path("models/jobs/", unlearning.jobs, name="unlearning_jobs"),
    path("models/jobs/<uuid:number>/", unlearning.job, name="unlearning_job"),
    path("models/jobs/<uuid:number>/progress/", unlearning.progress, name="unlearning_progress"),
    path("models/jobs/<uuid:number>/cancel/", unlearning.cancel, name="unlearning_cancel"),
    path("healthz", pages.healthz, name="healthz"),
    path("robots.txt", pages.robots, name="robots"),
]
