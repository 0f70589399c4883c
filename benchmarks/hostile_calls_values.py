"""The values, bodies, types, addresses and tokens that ``hostile_calls.py`` throws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Raw(str):
    """A piece of JSON as it stands, which no library would write."""


VALUES: Sequence[Any] = (
    None, True, -1, 0.5, 2**31, 2**63, 2**64, 10**400, -(2**200), 1e308, "", " ", "\0", "\n", "\t", "\x7f", "\x85",
    "a" * 61, "a" * 256, "a" * 301, "a" * 4097, "a" * 70_000, "\ud800", "\udfff\ud800", "\u202e", "\ufeff",
    "\U0010ffff", "é", "İ", "ß" * 300, "../../etc/passwd", "..", ".", "/", "//", "/etc", "~", "~root", "%2e%2e%2f",
    "..\\..", "C:\\", "file:///etc/passwd", "\\\\host\\x", "out", "out/boreal", "out/boreal/hidden", "loop", "pipe",
    "net/../net", "net/./", "x/" * 149, "net/" + "b" * 256, "digits", "net/classifier.json", "net\0.json",
    "'; DROP TABLE jobs_job; --", '" OR 1=1', "{{7*7}}", "${jndi:ldap://x}", "<script>", "%s%n", "--help", "-x",
    "$(id)", "`id`", "a;id", "a\r\nX: y", "__class__", "constructor", [], {}, [[]], [[[[]]]], [None], ["" ], ["\0"],
    ["a"] * 2000, {"rows": "x"}, {"rows": "../x"}, {"ids": [""]}, {"ids": ["\ud800"]}, {"ids": "x"},
    {"class_label": "\n"}, {"class_label": "-1"}, {"class_label": "--help"}, {"ids": ["a"], "rows": "b"},
    {"$ref": "#"}, {"data": "../x"}, {"data": "out"}, {"data": "a" * 300}, {"data": "\ud800"}, {"data": {"a": 1}},
    {"data": 5}, {"data": "digits", "people": "loop"}, {"data": "digits", "\0": 1}, {"data": "digits", "a" * 5000: 1},
    {"__proto__": {}}, "1s", "99999999s", "0steps", "0s", "٣s", "1e3s", "http://169.254.169.254/",
    "http://localhost:1/", "ftp://x", "http://[::1", "http://a@b:99999/", "javascript:1", "auto", "retrain",
    Raw("1e999"), Raw("-0"), Raw("9" * 5000), Raw("0." + "1" * 5000), Raw("NaN"), Raw("Infinity"), Raw("01"),
    Raw("0x1"), Raw("'a'"), Raw('"\\u12"'), Raw('"\\x41"'), Raw("[" * 19 + "]" * 19), Raw("[" * 500 + "]" * 500),
    Raw('{"a":1,"a":2}'), Raw("undefined"),
)  # fmt: skip
BODIES = (
    b"", b"{", b"}", b"[", b"null", b'"x"', b"5", b"[]", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"\x00" * 100,
    b"\x80\x81", b"NaN", b'{"a":1,"a":2}', b"[" * 100_000, b'{"a":' * 50_000, b'"\\ud800"', b"9" * 300_000, b"{}" * 9,
    b"{}{}", b"{} // x", b"{'a':1}", b"\xc3(", b'{"model":"net",}', b"a=b&c=d",
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--", b" " * 999_999, b" " * 1_000_001,
    b'"' + b"\\" * 999_990,
)  # fmt: skip
TYPES = (
    "text/plain", "", "application/xml", "multipart/form-data; boundary=x", "multipart/form-data",
    "application/x-www-form-urlencoded", "application/json; charset=utf-16", "application/json; charset=nonsense",
    "application/json; charset=\"", "application/json;;;", "APPLICATION/JSON", "application/json, text/html",
    "application/*", "*/*", "a" * 3000, "application/json\t", "image/png", "text/json",
    "application/json; charset=utf-8; charset=ascii", "application/pickle", "application/x-yaml",
)  # fmt: skip
KEYS = ("k", "k", "k2", "x" * 200, "x" * 201, "é", "a b", "\t", "'; --", "../k", "%00", "k" * 8000)
TARGETS = (
    "/models/../jobs/", "/jobs//", "/jobs/%00/", "/jobs/%2e%2e/models/", "/jobs/{job}/artifacts/../../x/",
    "/jobs/{job}/artifacts/%2e%2e/", "/jobs/{job}/artifacts/..%2f..%2fdb/", "/jobs/{job}/artifacts/%00/",
    "/jobs/{job}/artifacts/" + "a" * 3000 + "/", "/jobs/" + "9" * 3000 + "/", "/jobs/{job}/artifacts//etc/passwd/",
    "/jobs/{job}/artifacts/%ff%fe/", "/jobs/{job}/artifacts/model.safetensors%0d%0aX:y/", "/jobs/{JOB}/",
    "/jobs/{{{job}}}/", "/jobs/urn:uuid:{job}/", "/jobs/{job};x/", "/jobs/{job}/curve/?page=0",
    "/jobs/{job}/curve/?page=-1", "/jobs/{job}/curve/?page=9999999999999999999999", "/jobs/{job}/curve/?page_size=1e9",
    "/jobs/?page=%00&page_size=%ff", "/jobs/?page=last", "/models/?" + "a=b&" * 2000, "/models/?page=" + "9" * 5000,
    "/models?x", "/jobs/?page[]=1", "/%c0%af", "/jobs/?page=%F0%9F%92%A3", "/jobs/#a",
)  # fmt: skip
METHODS = (
    "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD", "CONNECT", "post", "BREW", "PROPFIND", "GET\t", "G" * 100,
)  # fmt: skip
TOKENS = (
    "", "Bearer", "Bearer ", "Bearer oubli_", "Bearer oubli_" + "x" * 43, "Bearer " + "x" * 6000, "Token x", "Token",
    "Token a b c", "Basic YTpi", "Bearer \xe9", "Bearer oubli_\xff", "Digest x", "bearer null", "Bearer oubli_'--",
)  # fmt: skip
