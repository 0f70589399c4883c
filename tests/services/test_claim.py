"""Several workers and one row: exactly one wins, and whoever lost the lease writes nothing."""

from __future__ import annotations

import pytest

from tests.services.installation import Installation, go_on, go_on_together, wait_ready
from tests.services.servers import wait_until

pytestmark = [pytest.mark.services, pytest.mark.enable_socket]


@pytest.mark.slow
def test_of_many_workers_exactly_one_claims_each_job(house: Installation) -> None:
    house.settings["OUBLI_LEASE_SECONDS"] = "120"
    house.act("enqueue", 60)
    hands = go_on_together([house.acting("claim_all", f"worker-{number}") for number in range(4)])
    claimed = [job for hand in hands for job in hand]
    assert len(claimed) == len(set(claimed)) == 60
    assert house.rows("SELECT fence, attempts, count(*) FROM jobs_job GROUP BY 1, 2") == [(1, 0, 60)]
    assert sum(bool(hand) for hand in hands) > 1, "nobody raced, so nothing was shown"


def test_whoever_lost_the_lease_cannot_finish_the_job(house: Installation) -> None:
    house.settings["OUBLI_LEASE_SECONDS"] = "1"
    house.act("enqueue", 1)
    sleeper = house.acting("hold", "sleeper")
    assert wait_ready(sleeper) == {"fence": 1}
    wait_until(lambda: house.one("SELECT lease_until < now() FROM jobs_job"), 60, "the lease to run out")
    heir = house.acting("hold", "heir")
    assert wait_ready(heir) == {"fence": 2}
    assert go_on(sleeper) == {"wrote": False}
    assert go_on(heir) == {"wrote": True}
    assert house.rows("SELECT status, message FROM jobs_job") == [("done", "written by heir")]
