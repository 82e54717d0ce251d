-- Files of conversions and of channel costs that the team uploads: each row gets a verdict. Conversions become reports as if they had come by
-- postback; costs go the way of ops/channel-cost.

create table clickledger.upload (
  id         bigint generated always as identity primary key,
  kind       text not null check (kind in ('conversions', 'channel_costs')),
  program_id bigint not null references clickledger.program,
  api_key_id bigint not null references clickledger.api_key,
  status     text not null default 'receiving' check (status in ('receiving', 'complete', 'broken')),
  accepted   bigint not null default 0 check (accepted >= 0),
  duplicate  bigint not null default 0 check (duplicate >= 0),
  refused    bigint not null default 0 check (refused >= 0),
  reason     text check (length(reason) <= 500),
  last_at    timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default now(),
  ended_at   timestamptz
);
comment on table clickledger.upload is 'Files of rows that were uploaded. Rows are taken as they arrive: what a broken one brought until then stays, and the whole file may be sent again.';
comment on column clickledger.upload.id is 'Number of the upload.';
comment on column clickledger.upload.kind is 'conversions: each row is a report; channel_costs: each row is what a channel cost on a day.';
comment on column clickledger.upload.program_id is 'The programme of all its rows.';
comment on column clickledger.upload.api_key_id is 'Key or session that sent it, the only one that may go on with it.';
comment on column clickledger.upload.status is 'receiving; complete; broken: it ended before its end. One whose program died stays receiving: see upload_is_open.';
comment on column clickledger.upload.accepted is 'Rows that were taken.';
comment on column clickledger.upload.duplicate is 'Rows that were there already, from this file or an earlier one.';
comment on column clickledger.upload.refused is 'Rows that cannot be taken.';
comment on column clickledger.upload.reason is 'Why it is broken.';
comment on column clickledger.upload.last_at is 'Time that its newest reports carry; later rows get later ones, so that a file is read in its order.';
comment on column clickledger.upload.created_at is 'When it began.';
comment on column clickledger.upload.ended_at is 'When it was complete or broken.';

create table clickledger.upload_row (
  upload_id  bigint not null references clickledger.upload,
  line       bigint not null check (line > 0),
  verdict    text not null check (verdict in ('accepted', 'duplicate', 'refused')),
  reason     text,
  receipt    uuid,
  primary key (upload_id, line),
  check ((verdict = 'refused') = (reason is not null))
);
comment on table clickledger.upload_row is 'What became of each row of an upload.';
comment on column clickledger.upload_row.upload_id is 'The upload.';
comment on column clickledger.upload_row.line is 'Line of the file, from 1; that of names in CSV counts.';
comment on column clickledger.upload_row.verdict is 'accepted; duplicate: the same row was taken before; refused.';
comment on column clickledger.upload_row.reason is 'Why it was refused.';
comment on column clickledger.upload_row.receipt is 'Report that it became; null: none did, or it is a cost.';

create table clickledger.upload_key (
  program_id bigint not null,
  key        uuid not null,
  receipt    uuid not null,
  primary key (program_id, key)
);
comment on table clickledger.upload_key is 'Rows of conversions that were taken, by what they say: the same row of another file is a duplicate.';
comment on column clickledger.upload_key.program_id is 'The programme.';
comment on column clickledger.upload_key.key is 'First 128 bits of the SHA-256 of the row.';
comment on column clickledger.upload_key.receipt is 'Report that it became.';

alter table clickledger.conversion_report drop constraint conversion_report_source_check;
alter table clickledger.conversion_report add constraint conversion_report_source_check check (source in ('postback', 'pixel', 'upload')) not valid;
alter table clickledger.conversion_report validate constraint conversion_report_source_check;
comment on column clickledger.conversion_report.source is 'postback: from a shop''s server; pixel: from a browser; upload: from a file of the team, which counts as a signed postback.';

do $$
declare
  name text;
begin
  foreach name in array array['upload', 'upload_row', 'upload_key'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
    execute format('create policy analyst on clickledger.%I for select to cl_analyst using (true)', name);
    execute format('grant select on clickledger.%I to cl_analyst', name);
  end loop;
  foreach name in array array['upload', 'upload_row'] loop
    execute format('create policy team on clickledger.%I for select to cl_api using (current_setting(''cl.team'', true) = ''on'')', name);
    execute format('grant select on clickledger.%I to cl_api', name);
  end loop;
end $$;

create function clickledger.upload_is_open(row_of clickledger.upload) returns boolean
  language sql stable
  return row_of.status = 'receiving' and row_of.last_at > now() - interval '1 hour';
comment on function clickledger.upload_is_open(clickledger.upload) is 'Whether more rows of it may come. 500 rows take a client no hour: after that nobody sends them any more.';

create function clickledger.upload_json(row_of clickledger.upload) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'kind', row_of.kind, 'program_id', row_of.program_id,
    'status', case when row_of.status = 'receiving' and not clickledger.upload_is_open(row_of) then 'broken' else row_of.status end,
    'rows', row_of.accepted + row_of.duplicate + row_of.refused, 'accepted', row_of.accepted, 'duplicate', row_of.duplicate,
    'refused', row_of.refused,
    'reason', case when row_of.status = 'receiving' and not clickledger.upload_is_open(row_of) then 'nobody ended it' else row_of.reason end, 'api_key_id', row_of.api_key_id,
    'created_at', clickledger.api_time(row_of.created_at), 'ended_at', clickledger.api_time(row_of.ended_at));
comment on function clickledger.upload_json(clickledger.upload) is 'An upload as answers show it. status broken: also of one that nobody ended.';

create function clickledger.upload_begin(p jsonb) returns json
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  wanted program;
  made upload;
begin
  if current_setting('cl.team', true) is distinct from 'on' then
    perform api_fail(403, 'forbidden', 'this needs a team key');
  end if;
  select * into wanted from program where id = (p->>'program_id')::bigint;
  if not found then
    perform api_fail(404, 'not_found', 'there is no such programme');
  end if;
  insert into upload (kind, program_id, api_key_id) values (p->>'kind', wanted.id, current_setting('cl.key')::bigint) returning * into made;
  return json_build_object('id', made.id, 'currency', wanted.currency);
end $$;
comment on function clickledger.upload_begin(jsonb) is 'Begins an upload of a kind for a programme: its number, and the programme''s currency. CL404: no such programme.';

create function clickledger.upload_mine(id bigint) returns clickledger.upload
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  found_upload upload;
begin
  select * into found_upload from upload u where u.id = upload_mine.id and upload_is_open(u) and u.api_key_id = current_setting('cl.key')::bigint for update;
  if not found or current_setting('cl.team', true) is distinct from 'on' then
    perform api_fail(404, 'not_found', 'there is no such upload under way');
  end if;
  return found_upload;
end $$;
comment on function clickledger.upload_mine(bigint) is 'The asker''s upload, locked, if it is under way; else CL404.';

create function clickledger.channel_cost_put(costs jsonb) returns table (line bigint, verdict text)
  language sql set search_path = clickledger, pg_temp
begin atomic
  with given as (
    select (c->>'line')::bigint as line, p.id as program_id, clickledger.day_parse(c->>'day') as day, clickledger.channel_name(c->>'source') as source,
      clickledger.channel_name(c->>'medium') as medium, clickledger.channel_name(c->>'campaign') as campaign, p.currency,
      clickledger.money_minor(c->>'amount', k.exponent) as amount_minor
    from jsonb_array_elements(costs) as c
    join clickledger.program p on p.code = c->>'program' join clickledger.currency k on k.code = p.currency),
  known as (
    select g.line, o.amount_minor from given g join clickledger.channel_cost o using (program_id, day, source, medium, campaign)),
  written as (
    insert into clickledger.channel_cost as o (program_id, day, source, medium, campaign, currency, amount_minor)
    select g.program_id, g.day, g.source, g.medium, g.campaign, g.currency, g.amount_minor from given g
    on conflict (program_id, day, source, medium, campaign) do update
      set amount_minor = excluded.amount_minor, currency = excluded.currency, loaded_at = now()
    where (o.amount_minor, o.currency) is distinct from (excluded.amount_minor, excluded.currency))
  select g.line, case when k.line is null then 'added' when k.amount_minor = g.amount_minor then 'same' else 'changed' end
  from given g left join known k on k.line = g.line;
end;
comment on function clickledger.channel_cost_put(jsonb) is 'Writes costs that channel_cost_faults() found good, and says of each: added, changed, same.';

create function clickledger.channel_cost_faults(costs jsonb) returns table (line bigint, fault text)
  language sql stable set search_path = clickledger, pg_temp
begin atomic
  with checked as (
    select (c->>'line')::bigint as line, clickledger.channel_cost_check(c) as fault, c->>'program' as program, clickledger.day_parse(c->>'day') as day,
      clickledger.channel_name(c->>'source') as source, clickledger.channel_name(c->>'medium') as medium, clickledger.channel_name(c->>'campaign') as campaign
    from jsonb_array_elements(costs) as c)
  select k.line, coalesce(k.fault, case when k.line > f.first_line then 'row ' || f.first_line || ' has the same day, program, source, medium and campaign' end)
  from checked k
  left join (select program, day, source, medium, campaign, min(line) as first_line from checked where fault is null group by 1, 2, 3, 4, 5) f
    on k.fault is null and (f.program, f.day, f.source, f.medium, f.campaign) = (k.program, k.day, k.source, k.medium, k.campaign);
end;
comment on function clickledger.channel_cost_faults(jsonb) is 'Of each row of costs what is wrong with it, alone or beside the others; null: nothing.';

create or replace function clickledger.channel_cost_load(costs jsonb) returns table (line bigint, verdict text, reason text)
  language plpgsql set search_path = clickledger, pg_temp as $$
#variable_conflict use_column
begin
  if jsonb_typeof(costs) <> 'array' or jsonb_array_length(costs) > 100000 then
    raise exception 'channel_cost_load: an array of at most 100000 rows' using errcode = 'invalid_parameter_value';
  end if;
  if exists (select from channel_cost_faults(costs) f where f.fault is not null) then
    return query select f.line, case when f.fault is null then 'held' else 'refused' end, f.fault from channel_cost_faults(costs) f order by f.line;
    return;
  end if;
  return query select w.line, w.verdict, null::text from channel_cost_put(costs) w order by w.line;
end $$;

create function clickledger.upload_costs(u clickledger.upload, given jsonb) returns table (line bigint, verdict text, reason text, receipt uuid)
  language plpgsql set search_path = clickledger, pg_temp as $$
#variable_conflict use_column
declare
  code constant text := (select p.code from program p where p.id = u.program_id);
  costs constant jsonb := (select jsonb_agg(jsonb_build_object('program', code) || (g->'cost') || jsonb_build_object('line', g->'line')) from jsonb_array_elements(given) g
                           where not g ? 'fault');
  faults jsonb;
begin
  select coalesce(jsonb_object_agg(f.line, coalesce(f.fault, case when c->>'program' <> code then 'program: not that of the upload' end))
    filter (where f.fault is not null or c->>'program' <> code), '{}') into faults
  from channel_cost_faults(coalesce(costs, '[]')) f join jsonb_array_elements(costs) c on (c->>'line')::bigint = f.line;
  return query
    select w.line, case w.verdict when 'same' then 'duplicate' else 'accepted' end, null::text, null::uuid
    from channel_cost_put(coalesce((select jsonb_agg(c) from jsonb_array_elements(costs) c where not faults ? (c->>'line')), '[]')) w
    union all
    select f.key::bigint, 'refused', f.value, null::uuid from jsonb_each_text(faults) f;
end $$;
comment on function clickledger.upload_costs(clickledger.upload, jsonb) is 'Takes rows of costs; what ops/channel-cost would refuse is refused, the others are taken. The same cost again is a duplicate, another amount takes the place of the earlier.';

create function clickledger.upload_reports(u clickledger.upload, given jsonb) returns table (line bigint, verdict text, reason text, receipt uuid)
  language sql set search_path = clickledger, pg_temp
begin atomic
  with said as (
    select r.*, overlay(clickledger.click_id_at(u.last_at)::text placing
        '7' || lpad(to_hex((row_number() over (order by r.line) & 4095)::integer), 3, '0') || substr(gen_random_uuid()::text, 19) from 15)::uuid as id,
      row_number() over (partition by r.key order by r.line) as place
    from jsonb_to_recordset(given) as r (line bigint, fault text, key uuid, click_id uuid, order_id text, kind text, status text, amount text,
      amount_minor bigint, currency text, promo text, product text, customer text, event_time timestamptz, event_id text, lines text, raw text,
      sub1 text, sub2 text, sub3 text, sub4 text, sub5 text, sub6 text, sub7 text, sub8 text, sub9 text, sub10 text)
    where r.fault is null),
  taken as (
    insert into clickledger.upload_key (program_id, key, receipt) select u.program_id, s.key, s.id from said s where s.place = 1
    on conflict do nothing returning receipt),
  written as (
    insert into clickledger.conversion_report (id, ts, source, program_id, click_id, order_id, kind, status, amount, amount_minor, currency, promo, product,
      customer, signed, lines, event_time, event_id, sub1, sub2, sub3, sub4, sub5, sub6, sub7, sub8, sub9, sub10, raw, producer, seq, content_hash)
    select s.id, clickledger.click_ts(s.id), 'upload', u.program_id, s.click_id, s.order_id, s.kind, s.status, s.amount, s.amount_minor, s.currency,
      s.promo, s.product, s.customer, true, s.lines, s.event_time, s.event_id, s.sub1, s.sub2, s.sub3, s.sub4, s.sub5, s.sub6, s.sub7, s.sub8, s.sub9,
      s.sub10, s.raw, lpad(to_hex(u.id), 32, '0')::uuid, s.line, hashtextextended(s.key::text, 0)
    from said s join taken t on t.receipt = s.id)
  select s.line, case when t.receipt is null then 'duplicate' else 'accepted' end, null::text, t.receipt
  from said s left join taken t on t.receipt = s.id;
end;
comment on function clickledger.upload_reports(clickledger.upload, jsonb) is 'Takes rows of conversions: reports of the source upload, which attrib folds as any other. producer is the number of the upload, seq the line.';

create function clickledger.upload_take(id bigint, given jsonb) returns text
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  u upload := upload_mine(id);
  counted record;
begin
  u.last_at := greatest(date_trunc('milliseconds', clock_timestamp()), u.last_at + interval '1 ms');
  with judged as (
    select (g->>'line')::bigint as line, 'refused' as verdict, g->>'fault' as reason, null::uuid as receipt from jsonb_array_elements(given) g where g ? 'fault'
    union all
    select r.* from upload_reports(u, given) r where u.kind = 'conversions'
    union all
    select c.* from upload_costs(u, given) c where u.kind = 'channel_costs'),
  kept as (insert into upload_row select u.id, j.line, j.verdict, j.reason, j.receipt from judged j returning verdict)
  select count(*) filter (where k.verdict = 'accepted') as accepted, count(*) filter (where k.verdict = 'duplicate') as duplicate,
    count(*) filter (where k.verdict = 'refused') as refused into counted
  from kept k;
  update upload set accepted = upload.accepted + counted.accepted, duplicate = upload.duplicate + counted.duplicate,
    refused = upload.refused + counted.refused, last_at = u.last_at
  where upload.id = u.id;
  perform pg_notify('clickledger_work', '');
  return '';
end $$;
comment on function clickledger.upload_take(bigint, jsonb) is 'Takes the next rows of the asker''s upload: objects with line and fault, or line and what it says.';

create function clickledger.upload_end(id bigint, broken_by text) returns text
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  u upload := upload_mine(id);
begin
  update upload set status = case when broken_by is null then 'complete' else 'broken' end, reason = broken_by, ended_at = now()
  where upload.id = u.id returning * into u;
  return upload_json(u)::text;
end $$;
comment on function clickledger.upload_end(bigint, text) is 'Ends the asker''s upload: complete, or broken with the reason. Returns it.';

create function clickledger.api_uploads(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select u as item from upload u
    where u.id < (api_after(p))[1] and (p->>'program_id' is null or u.program_id = (p->>'program_id')::bigint)
    order by u.id desc limit api_limit(p) + 1)
  select api_page(array_agg(upload_json(item) order by (item).id desc), array_agg(api_cursor((item).id) order by (item).id desc), p) from page
$$;
comment on function clickledger.api_uploads(jsonb) is 'GET /v1/uploads.';

create function clickledger.api_upload(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select coalesce((select upload_json(u) from upload u where u.id = (p->>'id')::bigint), api_missing('upload'))
$$;
comment on function clickledger.api_upload(jsonb) is 'GET /v1/uploads/{id}.';

create function clickledger.api_upload_rows(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp set plan_cache_mode = force_custom_plan as $$
declare
  above constant bigint := case when p ? 'cursor' then (api_after(p))[1] else 0 end;
  wanted constant bigint := p->>'id';
  of_verdict constant text := p->>'verdict';
  page_size constant integer := api_limit(p) + 1;
begin
  if not exists (select from upload u where u.id = wanted) then
    return api_missing('upload');
  end if;
  return (
    with page as (
      select r.line, json_build_object('line', r.line, 'verdict', r.verdict, 'reason', r.reason, 'receipt', r.receipt) as item
      from upload_row r where r.upload_id = wanted and r.line > above and (of_verdict is null or r.verdict = of_verdict)
      order by r.line limit page_size)
    select api_page(array_agg(item order by line), array_agg(api_cursor(line) order by line), p) from page);
end $$;
comment on function clickledger.api_upload_rows(jsonb) is 'GET /v1/uploads/{id}/rows: in the order of the file.';

grant execute on function clickledger.upload_is_open(clickledger.upload), clickledger.upload_json(clickledger.upload), clickledger.upload_begin(jsonb), clickledger.upload_take(bigint, jsonb),
  clickledger.upload_end(bigint, text), clickledger.api_uploads(jsonb), clickledger.api_upload(jsonb), clickledger.api_upload_rows(jsonb) to cl_api;

select clickledger.audit_table('clickledger.channel_cost');
