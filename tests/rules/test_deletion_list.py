"""California's deletion list: its files, and what is refused."""

from __future__ import annotations

import pytest

from compliance.rules.deletion_list import Code, name_of, read, write
from compliance.rules.errors import InvalidInput
from compliance.rules.list_hashes import hashed

A, B = str(hashed("Email", "a@b.example")), str(hashed("Email", "c@d.example"))


def test_the_name_of_a_file_says_day_broker_and_list() -> None:
    found = name_of("20260815_DB-17_Email.csv")
    assert (found.day, found.broker, found.list_type) == ("20260815", "DB-17", "Email")
    assert name_of("20260815_DB17_Phone_part2.csv").list_type == "Phone"
    for wrong in ("Email.csv", "20260815_DB17_Fax.csv", "20260815_DB17_Email.zip", "../20260815_DB17_Email.csv"):
        with pytest.raises(InvalidInput, match="YYYYMMDD"):
            name_of(wrong)


def test_a_list_is_read_and_codes_are_written() -> None:
    assert read(f"ID,Hash\r\n17,{A}\r\n\r\n18,{B}\r\n") == [("17", A), ("18", B)]
    assert read("\ufeffID,Hash\n") == []
    assert write([("17", Code.DELETED), ("18", Code.NOT_FOUND)]) == "Id,Status\r\n17,3\r\n18,5\r\n"


@pytest.mark.parametrize(
    "text", ["", "Hash,ID\n", "ID,Hash\n17\n", f"ID,Hash\n=cmd(),{A}\n", "ID,Hash\n17,alice@example.org\n"]
)
def test_another_file_is_refused_without_repeating_what_stands_in_it(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(text)
    assert "alice" not in str(refused.value) and "cmd" not in str(refused.value)
