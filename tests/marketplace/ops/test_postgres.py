import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from marketplace.ops.postgres.account import ServerAccount, server_account
from marketplace.ops.postgres.cluster import Cluster, test_cluster
from marketplace.ops.postgres.errors import EmbeddedPostgresError

PROJECT = Path(__file__).resolve().parents[3]
USER = """
import sys, time
from marketplace.ops.postgres.cluster import test_cluster
cluster = test_cluster(sys.argv[1])
started = cluster.ensure_running()
print(cluster.pid(), started, flush=True)
sys.stdin.readline()
"""

FORKING_USER = """
import os, sys, time
from marketplace.ops.postgres.cluster import test_cluster
cluster = test_cluster(sys.argv[1])
started = cluster.ensure_running()
print(cluster.pid(), started, flush=True)
if os.fork():
    os._exit(0)
cluster.ensure_running()
time.sleep(1.5)
sys.exit(cluster.leave())
"""


@pytest.fixture
def home(tmp_path):
    # Pytest's own directories are closed to other users; a server that isn't ours needs an open one.
    place = Path(tempfile.gettempdir()) / f"remainder-test-{os.getpid()}-{tmp_path.name}"
    place.mkdir()
    place.chmod(0o755)
    yield place / "postgres"
    cluster = Cluster(place / "postgres")
    cluster.stop()
    subprocess.run(["rm", "-rf", str(cluster.home), str(place)], check=True)


@pytest.fixture
def start_user(home):
    users = []

    def start(code=USER):
        user = subprocess.Popen(
            [sys.executable, "-c", code, str(home)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        users.append(user)
        return user

    yield start
    for user in users:
        user.kill()
        user.communicate()


def said(user):
    pid, started = user.stdout.readline().split()
    return int(pid), started == "True"


def connect(cluster):
    values = cluster.django_settings()
    return psycopg.connect(
        host=values["HOST"], user=values["USER"], password=values["PASSWORD"], dbname=values["NAME"], autocommit=True
    )


def test_settings_start_nothing(home):
    values = test_cluster(home).django_settings(CONN_MAX_AGE=60)

    assert (values["ENGINE"], values["NAME"], values["CONN_MAX_AGE"]) == ("marketplace.ops.postgres", "remainder", 60)
    assert test_cluster(home).pid() is None
    assert not (home / "data").exists()


def test_a_cluster_is_kept_from_other_users(home):
    cluster = test_cluster(home)
    cluster.ensure_running()

    assert stat.S_IMODE((cluster.home / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE(cluster.data.stat().st_mode) == 0o700
    assert stat.S_IMODE(cluster.home.stat().st_mode) in (0o700, 0o711)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=str(cluster.socket_dir), user="remainder", password="guess", dbname="remainder")
    cluster.leave()


def test_the_last_of_several_users_stops_the_server(home, start_user):
    first, second = start_user(), start_user()
    pids, starts = zip(said(first), said(second), strict=True)
    assert pids[0] == pids[1]
    assert sorted(starts) == [False, True]

    first.communicate("\n")
    assert test_cluster(home).pid() == pids[0]

    second.communicate("\n")
    assert test_cluster(home).pid() is None


def test_many_first_users_start_one_server(home, start_user):
    answers = [said(user) for user in [start_user() for _ in range(4)]]

    assert len({pid for pid, _ in answers}) == 1
    assert [started for _, started in answers].count(True) == 1


def test_a_killed_user_does_not_keep_the_server(home, start_user):
    killed, last = start_user(), start_user()
    said(killed)
    said(last)

    killed.send_signal(signal.SIGKILL)
    killed.wait()
    last.communicate("\n")

    assert test_cluster(home).pid() is None


def test_a_forked_child_is_a_user_of_its_own(home, start_user):
    parent = start_user(FORKING_USER)
    pid, _ = said(parent)
    parent.wait()

    time.sleep(0.5)
    assert test_cluster(home).leave() is False
    assert test_cluster(home).pid() == pid

    parent.stdout.read()
    assert test_cluster(home).pid() is None


def test_a_server_that_was_asked_to_stay_outlives_its_users(home):
    cluster = test_cluster(home)
    cluster.keep_running()

    assert cluster.leave() is False
    assert cluster.pid() is not None

    assert cluster.stop() is True
    assert cluster.pid() is None


def test_the_next_connection_heals_a_killed_server(home):
    cluster = test_cluster(home)
    cluster.ensure_running()
    with connect(cluster) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        connection.execute("CHECKPOINT")
    os.kill(cluster.pid(), signal.SIGKILL)
    time.sleep(0.3)

    assert cluster.ensure_running() is True

    with connect(cluster) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    cluster.leave()


def test_a_deleted_socket_is_healed(home):
    cluster = test_cluster(home)
    cluster.ensure_running()
    (cluster.socket_dir / ".s.PGSQL.5432").unlink()

    assert cluster.ensure_running() is True

    with connect(cluster) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    cluster.leave()


def test_a_path_too_long_for_a_socket_works(home):
    cluster = test_cluster(home.with_name("a-very-long-name" * 7))
    cluster.ensure_running()

    with connect(cluster) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)

    assert cluster.leave() is True


def test_destroyed_data_are_gone_and_the_password_still_opens_the_new_ones(home):
    cluster = test_cluster(home)
    cluster.ensure_running()
    with connect(cluster) as connection:
        connection.execute("CREATE TABLE old AS SELECT 1")

    cluster.destroy()
    cluster.ensure_running()

    with connect(cluster) as connection:
        assert connection.execute("SELECT to_regclass('old')").fetchone() == (None,)
    cluster.leave()


def test_data_of_another_major_version_are_refused_in_a_sentence(home):
    cluster = test_cluster(home)
    cluster.ensure_running()
    cluster.leave()
    (cluster.data / "PG_VERSION").write_text("9\n")

    with pytest.raises(EmbeddedPostgresError, match="created by PostgreSQL 9, but the programs here are PostgreSQL"):
        cluster.ensure_running()

    assert cluster.pid() is None
    assert (cluster.data / "PG_VERSION").read_text() == "9\n"


def test_the_server_log_holds_no_values(home):
    cluster = test_cluster(home)
    cluster.ensure_running()
    with connect(cluster) as connection:
        connection.execute("CREATE TABLE people (email text UNIQUE, age int)")
        connection.execute("INSERT INTO people VALUES ('canary@canary.test', 1)")
        with pytest.raises(psycopg.errors.UniqueViolation, match=r"canary@canary\.test"):
            connection.execute("INSERT INTO people VALUES (%s, 1)", ["canary@canary.test"])
        with pytest.raises(psycopg.errors.InvalidTextRepresentation, match="canary-age"):
            connection.execute("INSERT INTO people VALUES ('x', 'canary-age')")
    cluster.leave()

    assert "canary" not in cluster.log.read_text()
    assert "database system is ready" in cluster.log.read_text()


def test_a_closed_directory_on_the_way_is_noticed(tmp_path):
    closed = tmp_path / "closed"
    (closed / "inner").mkdir(parents=True)
    closed.chmod(0o700)
    stranger = ServerAccount("stranger", os.getuid() + 4242, os.getgid() + 4242)

    assert stranger.can_enter(Path("/usr/bin"))
    assert not stranger.can_enter(closed / "inner" / "not-made-yet")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_root_under_a_closed_home_keeps_its_data_where_the_server_can_go(home):
    home.parent.chmod(0o700)
    cluster = test_cluster(home)
    cluster.ensure_running()

    assert home.is_symlink()
    assert home.resolve() == cluster.home
    assert cluster.home.parent == Path("/var/lib/remainder")
    assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700
    assert cluster.data.stat().st_uid == server_account(cluster.data).uid != 0
    with connect(cluster) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    cluster.leave()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_data_whose_pointer_was_deleted_are_not_taken_up_again(home):
    home.parent.chmod(0o700)
    cluster = test_cluster(home)
    cluster.ensure_running()
    with connect(cluster) as connection:
        connection.execute("CREATE TABLE old AS SELECT 1")
    cluster.leave()
    home.unlink()

    anew = test_cluster(home)
    anew.ensure_running()

    with connect(anew) as connection:
        assert connection.execute("SELECT to_regclass('old')").fetchone() == (None,)
    anew.leave()
