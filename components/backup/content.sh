#!/usr/bin/env bash
#
# What a database holds, as text that is the same for the same content. To be sourced.
# shellcheck disable=SC2034 # used by who sources it

# Each table as a line `table SCHEMA.NAME ROWS SUM`, where SUM adds up a hash of each row, so that the order of the rows
# does not matter. An extension's tables are made by the extension, a materialized view is filled again from its query, and
# a foreign table's rows are elsewhere. In the name of a table a space is written as \x20.
TABLES=$(
  cat <<'SQL'
select format('select %L, count(*), coalesce(sum(hashtextextended(whole_row::text, 0)::numeric), 0) from only %I.%I whole_row',
  'table ' || replace(n.nspname || '.' || c.relname, ' ', '\x20'), n.nspname, c.relname)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname <> 'information_schema' and n.nspname not like 'pg\_%'
  and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    and d.objid = c.oid and d.deptype = 'e')
order by n.nspname collate "C", c.relname collate "C" \gexec
select 'large-objects', count(*), coalesce(sum(oid::bigint), 0) from pg_catalog.pg_largeobject_metadata;
SQL
)

# Each sequence as a line `SCHEMA.NAME VALUE`. It moves on whatever a snapshot says.
SEQUENCES=$(
  cat <<'SQL'
select replace(schemaname || '.' || sequencename, ' ', '\x20'), coalesce(last_value, 0)
from pg_catalog.pg_sequences where schemaname not like 'pg\_%' order by schemaname, sequencename;
SQL
)

# What a restore makes anew rather than brings back, in words.
REBUILT=$(
  cat <<'SQL'
select count(*) || ' materialized views' from pg_catalog.pg_class where relkind = 'm' having count(*) > 0;
SQL
)

# Of each column of a table that holds moments the newest one up to :'moment', as `MOMENT SCHEMA.NAME.COLUMN`, in UTC.
NEWEST=$(
  cat <<'SQL'
select format('select to_char(value, %L), name from (select %s from only %I.%I whole_row) newest, '
    'lateral (values %s) each(name, value) where value is not null', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"',
  string_agg(format('max(%1$I) filter (where %1$I between %2$L and %3$L) as m%4$s', a.attname, '1970-01-01', :'moment', a.attnum), ', '),
  n.nspname, c.relname,
  string_agg(format('(%L, m%s::timestamp)', replace(n.nspname || '.' || c.relname || '.' || a.attname, ' ', '\x20'), a.attnum), ', '))
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname <> 'information_schema' and n.nspname not like 'pg\_%'
  and a.atttypid in ('pg_catalog.timestamp'::pg_catalog.regtype, 'pg_catalog.timestamptz'::pg_catalog.regtype)
  and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    and d.objid = c.oid and d.deptype = 'e')
group by n.nspname, c.relname \gexec
SQL
)

# A line in words for each collation whose order is another one now than when the database, or it, was made.
COLLATIONS=$(
  cat <<'SQL'
select format('it was made with version %s of its collation, and here is %s', datcollversion, here)
from pg_catalog.pg_database, pg_catalog.pg_database_collation_actual_version(oid) here
where datname = current_database() and datcollversion <> here
union all select format('its collation %I is of version %s, and here is %s', collname, collversion, here)
from pg_catalog.pg_collation, pg_catalog.pg_collation_actual_version(oid) here where collversion <> here;
SQL
)

# differing EXPECTED RESTORED: a line in words for each table that is not the same.
differing() {
  awk '
    { name = $1; at = 2; if ($1 == "table") { name = $2; at = 3 } }
    NR == FNR { rows[name] = $at; sum[name] = $(at + 1); next }
    { seen[name] = 1 }
    !(name in rows) { print name ": is not in the database that was dumped"; next }
    rows[name] != $at { print name ": " rows[name] " rows were dumped, " $at " restored"; next }
    sum[name] != $(at + 1) { print name ": as many rows, and not the same ones" }
    END { for (name in rows) if (!(name in seen)) print name ": was not restored" }
  ' "$1" "$2"
}

# strayed BEFORE AFTER RESTORED: a line for each sequence that is not between what it was before and after the dump.
strayed() {
  awk '
    FILENAME == ARGV[1] { low[$1] = high[$1] = $2 + 0; next }
    FILENAME == ARGV[2] {
      if (!($1 in low)) next
      if ($2 + 0 < low[$1]) low[$1] = $2 + 0
      if ($2 + 0 > high[$1]) high[$1] = $2 + 0
      both[$1] = 1
      next
    }
    { found[$1] = $2 + 0 }
    END {
      for (name in both) {
        if (!(name in found)) print "sequence " name ": was not restored"
        else if (found[name] < low[name] || found[name] > high[name]) print "sequence " name ": stands at " found[name] ", and stood at " high[name]
      }
    }
  ' "$1" "$2" "$3"
}
