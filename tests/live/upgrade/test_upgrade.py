"""upgrade.sh on real servers of two major versions: all that was there is moved, or all is as it was."""

from __future__ import annotations

import re
import signal
import subprocess
import time

import pytest

from tests.live.upgrade.disk import Disk, docker

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

CONTENT = """
create extension pg_trgm;
create table issues (id serial primary key, title text, at timestamptz default '2026-11-28 03:00+02',
  weight double precision);
insert into issues (title, weight) select 'issue ' || i || ' über', i / 3.0 from generate_series(1, 5000) i;
create index on issues using gin (title gin_trgm_ops);
create materialized view titles as select title from issues;
create table "odd name" (whole jsonb, parts text[]);
insert into "odd name" values ('{"a": [1, 2.50]}', '{x,"y z",NULL}');
select lo_from_bytea(4711, 'a large object');
"""
READER = """
select a.rolpassword, a.rolconnlimit, s.setconfig, pg_has_role('reader', 'jira', 'usage')
from pg_authid a join pg_db_role_setting s on s.setrole = a.oid
where a.rolname = 'reader' order by setdatabase = 0
"""
COUNT = "select count(*), max(title), sum(weight) from issues"


def fill(disk: Disk) -> None:
    disk.sql(CONTENT)
    disk.sql("alter table issues owner to jira; grant select on issues to temporal")
    disk.sql("create table runs as select 1 as id", "temporal")
    disk.sql(
        "create database jira_scratch owner jira; alter database jira_scratch connection limit 7", "postgres"
    )
    disk.sql("alter database jira set jira_plus_plus.release = 'sha256:0a1b'", "postgres")
    disk.sql("create role reader login password 'a word' connection limit 3 in role jira", "postgres")
    disk.sql(
        "alter role reader in database jira set work_mem = '3MB'; alter role reader set jit = off", "postgres"
    )
    disk.sql("comment on database jira is 'of uat'", "postgres")


def served_as_before(disk: Disk) -> None:
    """It serves, who writes writes, and nothing is left of the attempt."""
    disk.sql("insert into issues (title) values ('after it')", user="jira")
    assert disk.sql("show server_version").startswith("15.")
    assert disk.listed() == ["postgres"]
    assert "postgres-next" not in docker("ps", "--all", f"--filter=name={disk.stack}", "--format={{.Names}}")
    assert disk.sql("select count(*) from pg_database where datconnlimit = 0", "postgres") == "0"


def test_all_that_was_there_is_served_by_the_next_and_the_former_is_kept(disk: Disk) -> None:
    fill(disk)
    counted, reader = disk.sql(COUNT), disk.sql(READER)
    done = disk.script("move", PROGRESS_SECONDS="1")
    assert done.returncode == 0, done.stdout
    assert "nobody can write from here on" in done.stdout
    assert re.search(r"Postgres 15 to 17: \d+ MB; nobody can write for about \d+ s", done.stdout)
    assert "jira: 2 tables, 5001 rows moved and compared" in done.stdout
    assert disk.listed() == ["postgres", "postgres.next"]
    # The one that serves is the former still, and lets nobody in.
    assert disk.sql("select 1", user="jira", check=False) == ""
    assert "all is moved already" in disk.script("move").stdout, "again, after a deploy that was cut off"

    assert "who writes is let in again" in disk.script("back").stdout, "before a deploy has begun"
    assert disk.sql(COUNT, user="jira") == counted
    assert disk.listed() == ["postgres"]
    assert disk.script("move").returncode == 0

    assert disk.guard(disk.after).returncode == 0
    assert disk.sql(COUNT) == counted, "a server keeps its folder under another name"
    disk.serve(disk.after)
    assert disk.sql("show server_version").startswith("17.")
    assert disk.sql(COUNT) == counted
    assert disk.sql(COUNT, user="jira") == counted, "with its own password"
    assert disk.sql(READER) == reader
    assert disk.sql("show data_checksums") == "on"
    assert disk.sql("show jira_plus_plus.release") == "sha256:0a1b"
    assert (
        disk.sql(
            "select pg_catalog.shobj_description(oid, 'pg_database') from pg_database where datname = 'jira'"
        )
        == "of uat"
    )
    assert disk.sql("select datconnlimit from pg_database where datname = 'jira_scratch'") == "7"
    assert disk.sql("select pg_get_userbyid(relowner) from pg_class where relname = 'issues'") == "jira"
    assert disk.sql("select convert_from(lo_get(4711), 'UTF8')") == "a large object"
    assert disk.sql("insert into issues (title) values ('new') returning id", user="jira") == "5001"
    assert disk.sql("select reltuples from pg_class where relname = 'issues'") == "5000", "it has statistics"
    assert disk.sql("select id from runs", "temporal") == "1"
    assert disk.listed() == ["postgres", "postgres.before"]

    # And the way back.
    done = disk.script("back")
    assert done.returncode == 0, done.stdout
    assert disk.listed() == ["postgres", "postgres.after"]
    assert disk.guard(disk.before).returncode == 0
    disk.serve(disk.before)
    assert disk.sql("show server_version", user="jira").startswith("15."), "the deploy lets in who writes"
    assert disk.sql("select datconnlimit from pg_database where datname = 'jira_scratch'") == "0"
    done = disk.script("open", disk.before)
    assert "who writes is let in again" in done.stdout
    assert disk.sql(COUNT) == counted
    assert disk.sql("select datconnlimit from pg_database where datname = 'jira_scratch'") == "7"


def test_what_the_next_version_does_not_take_stops_it_and_who_writes_is_let_in_again(disk: Disk) -> None:
    fill(disk)
    disk.sql("create view written as select buffers_backend from pg_stat_bgwriter")  # not in 17 any more
    done = disk.script("move")
    assert done.returncode == 1
    assert "ERROR: jira could not be moved: " in done.stdout
    assert "buffers_backend" in done.stdout
    assert done.stdout.rstrip().endswith("nothing was moved; all is as it was")
    served_as_before(disk)
    assert disk.guard(disk.after).returncode == 1, "and a deploy of it is refused"


def test_what_cannot_be_is_told_before_anybody_is_shut_out(disk: Disk) -> None:
    done = disk.script("move", disk.before)
    assert "the data are of Postgres 15, and" in done.stdout
    done = disk.script("move", "127.0.0.1:9/nowhere:17")
    assert "127.0.0.1:9/nowhere:17 cannot be pulled: " in done.stdout
    disk.sql(
        "insert into pg_extension select 99999, 'elsewhere', extowner, extnamespace, false, '1', null, null"
        " from pg_extension where extname = 'plpgsql'"
    )
    done = disk.script("move")
    assert "ERROR: jira: the extension elsewhere is not in" in done.stdout
    assert "from here on" not in done.stdout
    disk.sql("delete from pg_extension where oid = 99999; create table issues (title text)")
    disk.sql("grant insert on issues to jira")
    served_as_before(disk)


@pytest.mark.nightly
@pytest.mark.parametrize("blow", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_one_that_was_cut_off_begins_again(disk: Disk, blow: signal.Signals) -> None:
    fill(disk)
    disk.sql(
        "create table ballast as select i, repeat(md5(i::text), 30) as body from generate_series(1, 60000) i"
    )
    begun = subprocess.Popen(
        disk.command("move"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert begun.stdout is not None
    for line in begun.stdout:
        if "nobody can write from here on" in line:
            break
    time.sleep(0.5)
    begun.send_signal(blow)
    begun.wait()  # what tells of its progress ends when it is gone, and has its output as long
    begun.communicate()
    if blow == signal.SIGTERM:
        served_as_before(disk)
    else:
        assert disk.sql("select 1", user="jira", check=False) == "", "nobody is let in until somebody comes"
    done = disk.script("move")
    assert done.returncode == 0, done.stdout
    assert disk.guard(disk.after).returncode == 0
    disk.serve(disk.after)
    assert disk.sql("select count(*) from ballast", user="jira", check=False) == ""  # the superuser's
    assert disk.sql("select count(*) from ballast") == "60000"
    assert disk.sql("select count(*) from pg_database where datconnlimit = 0", "postgres") == "0"
