"""One name in two schemas is two tables: each is searched, proved and released by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from compliance.provenance.connectors import Place, load
from compliance.rules.errors import NotAllowed
from compliance.validation import plainsight
from tests.services import store_servers
from tests.services.servers import first_that_starts

pytestmark = [pytest.mark.services, pytest.mark.enable_socket]
TABLES = """
CREATE SCHEMA care; CREATE SCHEMA money;
CREATE TABLE public.patients (id INT PRIMARY KEY, name TEXT); INSERT INTO public.patients VALUES (1, 'a decoy');
CREATE TABLE care.patients (id INT PRIMARY KEY, name TEXT); INSERT INTO care.patients VALUES (1, 'Nora Quist');
CREATE TABLE public.visits (id INT PRIMARY KEY, patient INT REFERENCES public.patients ON DELETE CASCADE);
INSERT INTO public.visits VALUES (1, 1);
CREATE TABLE money.bills (id INT PRIMARY KEY, patient INT REFERENCES care.patients ON DELETE CASCADE);
INSERT INTO money.bills VALUES (7, 1)
"""

GONE = "DROP SCHEMA IF EXISTS care, money CASCADE; DROP TABLE IF EXISTS public.visits, public.patients"


@pytest.fixture
def address(postgresql: str) -> Iterator[str]:
    said = postgresql.replace("postgres://", "postgresql+psycopg://")
    engine = sa.create_engine(said)
    with engine.begin() as connection:
        for statement in f"{GONE};{TABLES}".split(";"):
            connection.exec_driver_sql(statement)
    yield said
    with engine.begin() as connection:
        for statement in GONE.split(";"):
            connection.exec_driver_sql(statement)
    engine.dispose()


def patients(address: str, **options: Any) -> Place:
    options = {"table": "patients", "key_field": "id", "subject_fields": ["name"], **options}
    return Place(name="Patients", kind="database", connector="sql", location=address, options=options)


@pytest.mark.slow
def test_the_second_pair_of_eyes_reads_mariadb_by_the_address_that_the_map_gives() -> None:
    with first_that_starts(
        store_servers.MARIADB, remedy="Install mariadb-server-core, or set OUBLI_TEST_MARIADB."
    ) as said:
        engine = sa.create_engine(said)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS seen (id INT PRIMARY KEY, name TEXT)")
            connection.exec_driver_sql("REPLACE INTO seen VALUES (1, 'Nora Quist')")
        engine.dispose()
        place = patients(said.replace("+pymysql", ""), table="seen")
        assert plainsight.rows_with(place, plainsight.forms("name", "Nora Quist")) == 1


def counted(address: str, table: str) -> int:
    engine = sa.create_engine(address)
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())  # noqa: S608


def test_the_second_pair_of_eyes_reads_the_table_of_the_schema_that_is_named(address: str) -> None:
    forms = plainsight.forms("name", "Nora Quist")
    assert plainsight.rows_with(patients(address, schema="care"), forms)
    assert not plainsight.rows_with(patients(address), forms)


def test_rows_of_another_schema_that_refer_to_hers_do_not_go_silently(address: str) -> None:
    table = load("sql")
    with pytest.raises(NotAllowed, match=r"money\.bills"):
        table.erase(patients(address, schema="care"), records=["1"])
    assert counted(address, "money.bills") == 1 and counted(address, "care.patients") == 1
    table.erase(patients(address, schema="care", references={"money.bills.patient": "null"}), records=["1"])
    assert counted(address, "money.bills") == 1 and counted(address, "care.patients") == 0
    assert counted(address, "public.patients") == counted(address, "public.visits") == 1
