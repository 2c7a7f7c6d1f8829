-- As Prisma makes them: names in mixed case, enums, arrays, and ids of three kinds. What may not leave is called canary.
drop schema public cascade;
create schema public authorization jira;
create type "Role" as enum ('ADMIN', 'MEMBER');
create table "User" (
  id text primary key, email text not null, "displayName" varchar(20) not null, phone text, "passwordHash" text not null,
  role "Role" not null default 'MEMBER', settings jsonb not null default '{}', "apiKeys" text[] not null default '{}',
  "managerId" text references "User" (id), salary numeric(10, 2), badge int, external uuid, avatar bytea,
  "createdAt" timestamp(3) not null default now());
create unique index "User_email_key" on "User" (email);
create unique index "User_badge_key" on "User" (badge);
create table "Session" (id uuid primary key default gen_random_uuid(), token text not null unique,
  "userId" text not null references "User" (id) on delete cascade);
create table "Issue" (id serial primary key, title text not null, body text, "assigneeId" text references "User" (id),
  words tsvector generated always as (to_tsvector('english', title || ' ' || coalesce(body, ''))) stored);
create table "Comment" (id bigserial primary key, "issueId" int not null references "Issue" (id), body text not null,
  "sessionId" uuid references "Session" (id));
create table "Event" (at date not null, who text) partition by range (at);
create table "Event_2026" partition of "Event" for values from ('2026-01-01') to ('2027-01-01');
create materialized view names as select "displayName" from "User";
create function note() returns trigger language plpgsql as $$ begin
  insert into "Comment" ("issueId", body) values (1, 'was: ' || old.email); return new; end $$;
insert into "User" select 'u' || i, 'canary' || i || '@corp.example.com', 'Canary Person ' || i, '+49 canary ' || i,
  'canary-hash-' || i, 'ADMIN', '{"theme": "canary"}', '{canary-key}', null, 4200.50 + i, i, gen_random_uuid(), 'canary-bytes'
  from generate_series(1, 500) i;
update "User" set "managerId" = 'u1' where id <> 'u1';
insert into "Session" select gen_random_uuid(), 'canary-token-' || i, 'u' || i from generate_series(1, 50) i;
insert into "Issue" (title, body, "assigneeId") select 'Canary title ' || i, 'canary body of ' || i, 'u' || (1 + i % 500)
  from generate_series(1, 2000) i;
insert into "Comment" ("issueId", body, "sessionId") select 1 + i % 2000, 'canary said ' || i, (select id from "Session" limit 1)
  from generate_series(1, 3000) i;
insert into "Event" select '2026-05-01', 'canary' || i || '@corp.example.com' from generate_series(1, 100) i;
update "User" set phone = '' where id = 'u7';
create trigger note after update on "User" for each row execute function note();
refresh materialized view names;
select lo_from_bytea(0, 'canary-in-a-large-object');
