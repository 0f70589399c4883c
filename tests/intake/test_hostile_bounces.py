"""Anybody may write to the mailbox of delivery reports: no message keeps those behind it from being read."""

from __future__ import annotations

import time

import pytest

from compliance.intake import bounces

_NESTED = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(3000))
_ID = b"Content-Type: multipart/report; boundary=a\n\n--a\nContent-Type: message/rfc822\n\nMessage-ID: <[\n\nx\n--a--"
HOSTILE = {
    "nested without end": _NESTED.encode(),
    "messages in messages": b"Content-Type: message/rfc822\n\n" * 5000,
    "an id that is none": _ID,
    "a status in another alphabet": b"Content-Type: message/delivery-status\n\nX: y\n\nAction: failed\nStatus: \xff\n",
    "every line beside three hundred boundaries": _NESTED[:12_000].encode() + b"\n" * 400_000,
    "a boundary's parameters without end": b'Content-Type: multipart/mixed; a="' + b";" * 300_000 + b"\n\nx",
    "the same with the other line ends": b'X: y\rContent-Type: multipart/mixed;\r a="' + b";" * 300_000 + b"\r\rx",
    "a reference that is none": b"References: <" + b"@" * 300_000 + b"\n\nx",
    "a header that is slow to read": b"Content-Type: text/plain; " + b"a*0*=';" * 20_000 + b"\n\nx",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_message_is_no_report_and_costs_no_time(name: str) -> None:
    started = time.process_time()
    assert bounces.read_report(HOSTILE[name]) is None
    assert time.process_time() - started < 5
