-- Masks the rows of the database that psql is connected to, by rules that name each of its tables and columns, in one
-- transaction. What the rules do not fit is printed, a line each, and then nothing was changed.
--
--   RULES: a file of lines TABLE, COLUMN, RULE, with tabs between them
--   KEY: a file with what the masks are made of beside the value: who has not got it cannot look for a value by its mask
--   ORIGINALS: the file that gets the addresses which were masked, to look for them elsewhere
\set rules `printf %s "$RULES"`
\set key `cat "$KEY"`
\set originals `printf %s "$ORIGINALS"`

begin;
-- Neither triggers nor foreign keys: a masked row sets nothing off.
set local session_replication_role = replica;
select set_config('masking.key', :'key', true), set_config('masking.originals', :'originals', true) \g /dev/null
create temp table rules (place text, field text, rule text) on commit drop;
copy rules from :'rules';

-- What a dump has rows of, by the name that rules have for it: a partition's is that of the whole.
create temp table held on commit drop as
select c.oid as relid, c.relkind as kind,
  case w.nspname when 'public' then '' else w.nspname || '.' end || whole.relname as place
from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join pg_class whole on whole.oid = coalesce(pg_partition_root(c.oid), c.oid)
  join pg_namespace w on w.oid = whole.relnamespace
where c.relkind in ('r', 'p') and c.relpersistence <> 't' and n.nspname <> 'information_schema' and n.nspname not like 'pg\_%'
  and (exists (select from pg_extension e where c.oid = any (e.extconfig))
    or not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'));

create temp table emptied on commit drop as
select h.* from held h join rules r on r.place = h.place and r.field = '*';

create temp table fields on commit drop as
with recursive bases (oid, base) as (
  select oid, oid from pg_type where typtype <> 'd'
  union all select d.oid, b.base from pg_type d join bases b on b.oid = d.typbasetype where d.typtype = 'd'
)
select h.relid, h.kind = 'r' as stored, h.place, a.attnum, a.attname::text as field, r.rule, b.base,
  'backup.masked.rules.' || h.place || '.' || a.attname as path,
  format_type(a.atttypid, a.atttypmod) as type,
  case
    when t.typcategory = 'S' and b.base <> '"char"'::regtype then 'text'
    when b.base in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype, 'float4'::regtype, 'float8'::regtype)
      then 'number'
    when b.base in ('uuid'::regtype, 'bytea'::regtype, 'tsvector'::regtype) then b.base::regtype::text
    else 'other'
  end as nature,
  greatest(a.atttypmod, t.typtypmod) as modifier,
  a.attnotnull or t.typnotnull as filled,
  a.attgenerated <> '' as generated,
  exists (select from pg_index i where i.indrelid = h.relid and i.indisunique and a.attnum = any (i.indkey)) as in_unique,
  exists (select from pg_index i where i.indrelid = h.relid and i.indisunique and i.indkey::text = a.attnum::text) as alone_unique,
  (select min(k.conname) from pg_constraint k where k.contype = 'f' and k.conrelid = h.relid and a.attnum = any (k.conkey)) as refers,
  (select min(k.conname) from pg_constraint k where k.contype = 'f' and k.confrelid = h.relid and a.attnum = any (k.confkey)) as referred
from held h join pg_attribute a on a.attrelid = h.relid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid join bases b on b.oid = a.atttypid
  left join rules r on r.place = h.place and r.field = a.attname
where h.place not in (select place from emptied);

create temp table complaints on commit drop as
select 1 as rank, place, 0 as attnum, format(
  'backup.masked.rules.%s: got nothing; the table %1$s has no rule; write one for each of its columns, or "*": empty', place) as words
from held where place not in (select place from rules)
union select 2, place, attnum, format(
  '%s: got nothing; the column %s.%s (%s) has no rule; write keep, null, empty, email, name, text, hash, number or fixed:<value>',
  path, place, field, type)
from fields where rule is null and place in (select place from rules)
union select 3, place, 0, format(
  'backup.masked.rules.%s: is no table any more, or not yet; if it was renamed, name the one that is there, or remove this', place)
from rules where place not in (select place from held)
union select 3, r.place, 0, format(
  'backup.masked.rules.%s.%s: is no column any more, or not yet; if it was renamed, name the one that is there, or remove this',
  r.place, r.field)
from rules r where r.field <> '*' and r.place in (select place from held) and r.place not in (select place from emptied)
  and not exists (select from fields f where f.place = r.place and f.field = r.field)
union select 4, place, attnum, format('%s: got %s; fits no column of %s; use %s', path, rule, type, case nature
  when 'text' then 'keep, null, empty, email, name, text, hash or fixed:<value>'
  when 'number' then 'keep, null, number or fixed:<value>'
  when 'uuid' then 'keep, null, hash or fixed:<value>'
  when 'bytea' then 'keep, null, empty, hash or fixed:<value>'
  when 'tsvector' then 'null, empty or fixed:<value>'
  else 'keep, null or fixed:<value>' end)
from fields where not (rule in ('keep', 'null') or rule like 'fixed:%'
  or rule = 'empty' and nature in ('text', 'bytea', 'tsvector')
  or rule in ('email', 'name', 'text') and nature = 'text'
  or rule = 'hash' and nature in ('text', 'uuid', 'bytea')
  or rule = 'number' and nature = 'number')
union select 5, place, attnum, format('%s: got keep; a search vector holds the words of other columns; use null, empty or fixed:<value>', path)
from fields where nature = 'tsvector' and rule = 'keep' and not generated
union select 5, place, attnum, format('%s: got %s; is generated from other columns, whose rules it follows; use keep', path, rule)
from fields where generated and rule <> 'keep'
union select 5, place, attnum, format('%s: got %s; is part of the foreign key %s; use keep%s', path, rule, coalesce(referred, refers),
  case when referred is null and not filled then ' or null' else '' end)
from fields where rule <> 'keep' and (referred is not null or refers is not null and rule <> 'null')
union select 5, place, attnum, format('%s: got null; is never null; use another rule', path)
from fields where rule = 'null' and filled
union select 5, place, attnum, format('%s: got %s; must differ in each row; use email, name, text, hash or number', path, rule)
from fields where alone_unique and (rule = 'empty' or rule like 'fixed:%')
union select 5, place, attnum, format('%s: got email; has room for %s characters, and a masked address has 37; use text or hash',
  path, modifier - 4)
from fields where rule = 'email' and modifier between 4 and 40
union select 6, e.place, 0, format(
  'backup.masked.rules.%s: got empty; rows of %s refer to it by the foreign key %s; empty that, too, or use null for its column',
  e.place, c.place, k.conname)
from emptied e join pg_constraint k on k.confrelid = e.relid and k.contype = 'f'
  join held c on c.relid = k.conrelid
where c.place not in (select place from emptied) and not exists (
  select from fields f where f.relid = k.conrelid and f.attnum = any (k.conkey) and f.rule = 'null')
union select 7, h.place, 0, format(
  'backup.masked.rules.%s: the trigger %s fires even while rows are masked (enable always, or replica), and could copy them; %s',
  h.place, t.tgname, 'alter table … enable trigger makes it an ordinary one')
from pg_trigger t join held h on h.relid = t.tgrelid where t.tgenabled in ('A', 'R') and not t.tgisinternal;

select words from complaints order by rank, place collate "C", attnum;
select count(*) > 0 as refused from complaints \gset
\if :refused
rollback;
\q
\endif

-- Of one value always the same, in every column: what refers to another by its address does so afterwards.
create function pg_temp.masked(value text) returns text language sql stable strict as
$$ select encode(sha256(convert_to(current_setting('masking.key') || value, 'UTF8')), 'hex') $$;
create function pg_temp.number(value text, span bigint) returns bigint language sql stable strict as
$$ select case when found = value::numeric then mod(found + 1, span) else found end
  from (select mod(('x' || left(pg_temp.masked(value), 15))::bit(60)::bigint, span) as found) other $$;

create temp table masks on commit drop as
select relid, attnum, place, field, rule, format(case
    when rule = 'null' then 'null'
    when rule = 'empty' then ''''''
    when rule like 'fixed:%' then '%2$L'
    when rule = 'number' then 'pg_temp.number(%1$I::text, %4$s)'
    when nature = 'uuid' then 'left(pg_temp.masked(%1$I::text), 32)::uuid'
    when nature = 'bytea' then 'decode(pg_temp.masked(%1$I::text), ''hex'')'
    when rule = 'email' then 'case when %1$I::text = '''' then '''' else ''user-'' || left(pg_temp.masked(%1$I::text), 16) || ''@example.invalid'' end'
    when rule = 'hash' then 'case when %1$I::text = '''' then '''' else left(pg_temp.masked(%1$I::text), %3$s) end'
    else 'case when %1$I::text = '''' then '''' else left(''' || initcap(rule) || ' '' || left(pg_temp.masked(%1$I::text), 12), %3$s) end'
  end,
  field, substr(rule, 7), case when modifier > 4 then modifier - 4 else 1000 end, case
    when base = 'int2'::regtype then 30000
    when base = 'numeric'::regtype and modifier >= 4
      then 10 ^ least(greatest(((modifier - 4) >> 16) - ((modifier - 4) & 2047), 0), case when in_unique then 15 else 6 end)
    when not in_unique then 1000000
    when base = 'int4'::regtype then 2147483647
    else 1000000000000000
  end::bigint) as expression
from fields where rule <> 'keep' and stored;

do $$
declare
  mask record;
  same bigint;
begin
  for mask in select * from fields where rule like 'fixed:%' loop
    begin
      execute format('select %L::%s', substr(mask.rule, 7), mask.type);
    exception when others then
      raise exception '%: got %; is no value of the column: %', mask.path, mask.rule, sqlerrm;
    end;
  end loop;
  for mask in select * from masks where rule in ('email', 'name', 'text', 'hash') loop
    execute format('create temp table %I on commit drop as select distinct %I::text as value from only %s where %2$I::text <> ''''',
      format('was_%s_%s', mask.relid, mask.attnum), mask.field, mask.relid::regclass);
  end loop;
  for mask in select relid, place, string_agg(format('%I = %s', field, expression), ', ') as changes from masks group by 1, 2 loop
    begin
      execute format('update only %s set %s', mask.relid::regclass, mask.changes);
    exception when others then
      raise exception 'backup.masked.rules.%: the masked rows are refused: %', mask.place, sqlerrm;
    end;
  end loop;
  for mask in select relid from emptied where kind = 'r' loop
    execute format('delete from only %s', mask.relid::regclass);
  end loop;
  create temp table addresses (value text) on commit drop;
  for mask in select *, format('was_%s_%s', relid, attnum) as was from masks where rule in ('email', 'name', 'text', 'hash') loop
    execute format('select count(*) from only %s where %I::text in (select value from %I)', mask.relid::regclass, mask.field, mask.was)
      into same;
    if same > 0 then
      raise exception '%.% still has % values that it had before', mask.place, mask.field, same;
    end if;
    if mask.rule = 'email' then
      execute format('insert into addresses select value from %I where value like ''_%%@_%%''', mask.was);
    end if;
  end loop;
  execute format('copy (select distinct value from addresses) to %L', current_setting('masking.originals'));
end
$$;

-- What rules have no name for goes: large objects, and the passwords of foreign servers.
delete from pg_largeobject;
delete from pg_largeobject_metadata;
select format('drop user mapping for %s server %I', case u.umuser when 0 then 'public' else quote_ident(u.usename) end, u.srvname)
from pg_user_mappings u \gexec
-- And settings of the database that are the application's own.
delete from pg_db_role_setting s using pg_database d where d.oid = s.setdatabase and d.datname = current_database() and s.setrole <> 0;
select format('alter database %I reset %I', current_database(), split_part(entry, '=', 1))
from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase, unnest(s.setconfig) entry
where d.datname = current_database() and split_part(entry, '=', 1) like '%.%' and entry not like 'jira_plus_plus.%' \gexec
commit;
