"""Which programs ``up`` and ``demo`` run, and how many web processes."""

import pytest

from marketplace.ops.run import market_programs


@pytest.mark.parametrize("workers", [1, 3])
def test_the_web_server_has_as_many_processes_as_asked(workers):
    web = market_programs(host="127.0.0.1", port=8000, web_workers=workers, concurrency=2)[0]

    assert web.name == "web"
    assert web.command[web.command.index("--workers") + 1] == str(workers)
