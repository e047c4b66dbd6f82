"""Nothing that another user made in the database is run or read in place of what is PostgreSQL's own."""

import asyncio
import secrets

import pytest
from psycopg2 import sql
from psycopg2.extensions import make_dsn, parse_dsn

from fustor_core.models.config import SourceConfig
from fustor_source_postgres import PostgresDriver
from fustor_source_postgres.__main__ import main

pytestmark = pytest.mark.wide

SETUP = """
create schema shop;
create type shop.mood as enum ('sad', 'glad');
create domain shop.amount as int check (value > 0);
create table shop.items (id int, sub text, m shop.mood[], a shop.amount, j jsonb, b bytea, r int4range,
                         at timestamptz default now(), primary key (id, sub));
insert into shop.items select n, 'x', '{sad,glad}', n, '{"a": 1}', 'b', '[1,2)' from generate_series(1, 50) n;
create table shop.parted (id int primary key, v text) partition by range (id);
create table shop.parted_1 partition of shop.parted for values from (0) to (100);
create table shop.parted_2 partition of shop.parted for values from (100) to (200);
insert into shop.parted select n, 'v' from generate_series(50, 149) n;
"""

TRAPS = """
create schema if not exists {schema};
grant usage on schema {schema} to public;
set search_path = pg_catalog;
create function {schema}.sprung() returns void language plpgsql as $$ begin raise exception 'trap'; end $$;
do $do$
declare f record;
begin
  for f in
    select proname, types, prokind from (
      select distinct p.proname, p.prokind,
             coalesce((select string_agg(format_type(t, null), ', ' order by n)
                         from unnest(p.proargtypes::oid[]) with ordinality a(t, n)), '') types,
             exists (select from unnest(p.proargtypes::oid[]) t where t in (select oid from pg_type where typtype = 'p'
                      and typname not in ('anyarray', 'anyelement', 'anynonarray', 'anycompatible'))) bad
        from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace) all_of_them
     where not bad
    union all
    -- these meet the arguments better than what PostgreSQL has: no schema need come before its own for them
    select name, type, 'f' from (values ('unnest'), ('cardinality'), ('array_length'), ('pg_relation_filenode'),
                                        ('pg_partition_tree'), ('pg_table_size'), ('pg_relation_size'), ('sum'),
                                        ('greatest'), ('coalesce'), ('count'), ('has_table_privilege')) n(name),
                                (values ('smallint[]'), ('oid[]'), ('text[]'), ('bigint[]'), ('oid')) t(type)
  loop
    begin
      execute format('create function {schema}.%I(%s) returns int language plpgsql as '
                     '$f$ begin raise exception ''trap''; end $f$', f.proname, f.types);
    exception when duplicate_function or wrong_object_type then null;
    end;
  end loop;
  for f in
    select o.oprname, format_type(o.oprleft, null) l, format_type(o.oprright, null) r from pg_operator o
     where o.oprleft <> 0 and o.oprleft not in (select oid from pg_type where typtype = 'p')
       and o.oprright not in (select oid from pg_type where typtype = 'p') and o.oprname not in ('=>')
  loop
    begin
      execute format('create function {schema}.sprung(%s, %s) returns boolean language plpgsql as '
                     '$f$ begin raise exception ''trap''; end $f$', f.l, f.r);
    exception when duplicate_function then null;
    end;
    execute format('create operator {schema}.%s (leftarg = %s, rightarg = %s, function = {schema}.sprung)',
                   f.oprname, f.l, f.r);
  end loop;
  for f in
    select relname from pg_class where relnamespace = 'pg_catalog'::regnamespace and relkind in ('r', 'v')
  loop
    execute format('create table {schema}.%I (trap int)', f.relname);
    execute format('grant select on {schema}.%I to public', f.relname);
  end loop;
  for f in
    select typname from pg_type where typnamespace = 'pg_catalog'::regnamespace and typtype = 'b'
       and typname !~ '^_' and typname in ('oid', 'text', 'int2', 'int4', 'int8', 'float8', 'bool', 'name', 'regclass',
                                           'pg_lsn', 'char', 'json', 'jsonb', 'timestamptz')
  loop
    execute format('create domain {schema}.%I as pg_catalog.%I check (false)', f.typname, f.typname);
  end loop;
end $do$;
reset search_path;
"""


@pytest.fixture(scope="module", params=["public", "agent"])
def trapped(request, new_database, server):
    """A database, and a user's name; every name of pg_catalog is there twice, and the other one is found first."""
    with new_database(server) as database:
        agent = f"agent_{database.name}"
        schema = agent if request.param == "agent" else "public"
        database.run(SETUP)
        database.run(TRAPS.replace("{schema}", schema))
        database.run(f"alter database {database.name} set search_path = {schema}, pg_catalog")
        yield database, agent
        database.run("set search_path = pg_catalog")
        database.run("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", agent)
        if database.run("select from pg_roles where rolname = %s", agent):
            database.run(sql.SQL("drop owned by {}").format(sql.Identifier(agent)))
            database.run(sql.SQL("drop role {}").format(sql.Identifier(agent)))


def ask(check, **kwargs):
    return asyncio.run(getattr(PostgresDriver, check)(**kwargs))


def test_no_trap_is_sprung(trapped, read, capsys):
    database, agent = trapped
    parts = parse_dsn(database.dsn)
    admin = {"user": parts["user"], "passwd": parts.get("password")}
    credential = {"user": agent, "passwd": secrets.token_hex(8)}
    uri = make_dsn("", **{name: value for name, value in parts.items() if name not in ("user", "password")})
    params = {"tables": ["shop.*"], "process_bytes": 1}
    asked = {"uri": uri, "credential": credential, "driver_params": params}
    assert ask("create_agent_user", **asked, admin_creds=admin)[0]
    for given in (credential, admin):
        for check in ("test_connection", "check_privileges", "check_runtime_params"):
            assert ask(check, uri=uri, credential=given, driver_params=params)[0]
    for given in (credential, admin):
        source = SourceConfig(driver="postgres", uri=uri, credential=given, driver_params=params, max_retries=1)
        use_all_of(PostgresDriver(f"t {given['user']}", source), database, read)
    assert main(["slots", database.dsn]) == 0
    for line in capsys.readouterr().out.splitlines():
        if f"\t{database.name}\t" in line:
            assert main(["drop", database.dsn, line.split("\t")[0]]) == 0


def use_all_of(driver, database, read):
    """A stream, a snapshot in both ways, and audits in both dialects."""
    reading = read(driver.get_message_iterator(-1))
    assert len([row for event in driver.get_snapshot_iterator() for row in event.rows]) == 150
    for partition in driver.get_snapshot_partitions(3):
        list(driver.get_snapshot_iterator(partition=partition))
    database.run("set search_path = pg_catalog")
    database.run("insert into shop.items (id, sub, m) values (1000, 'y', '{sad}')")
    database.run("delete from shop.items where id = 1000")
    found = reading.rows(2)
    assert [operation for operation, _ in found] == ["insert", "delete"]
    for _ in range(2):
        assert len([row for event in driver.get_audit_iterator() for row in event.rows]) == 154
        cache = {}
        assert [pair for pair in driver.get_audit_iterator(mtime_cache=cache) if cache.update(pair[1]) is None]
    index = reading.events[-1].index
    driver.acknowledge(index)
    assert driver.is_position_available(index)
    assert driver.get_latest_position() >= index
    asyncio.run(driver.close())
    assert reading.join() is None
    driver.acknowledge(index)


SPY = """
create function public.spy(text) returns boolean language plpgsql as
  $$ begin if current_user like 'reader_%' then raise exception 'trap'; end if; return true; end $$;
create domain public.inner_code as text check (public.spy(value));
create domain public.code as public.inner_code check (public.spy(value));
create table public.coded (id public.code primary key, long text, more public.code[]);
alter table public.coded alter column long set storage external;
insert into public.coded values ('a', repeat('x', 9000), '{b}');
"""


def test_no_check_of_a_domain_is_run_as_the_reader(database, read):
    database.run(SPY)
    name, password = f"reader_{database.name}", secrets.token_hex(8)
    database.run(f"create role {name} login replication password %s", password)
    database.run(f"grant select on coded to {name}")
    database.run("create publication fustor for table coded with (publish_via_partition_root = true)")
    driver = database.driver(dsn=make_dsn(database.dsn, user=name, password=password))
    reading = read(driver.get_message_iterator(-1))
    assert len([row for event in driver.get_snapshot_iterator() for row in event.rows]) == 1
    assert len([row for event in driver.get_audit_iterator() for row in event.rows]) == 4
    database.run("update coded set id = 'c'")
    rows = {row["path"]: row.get("record") for _, row in reading.rows(2)}
    assert len(rows["/public/coded/c"]["long"]) == 9000
    asyncio.run(driver.close())
    database.run(f"drop owned by {name}")
    database.run(f"drop role {name}")
