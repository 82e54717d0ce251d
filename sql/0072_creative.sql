-- What partners put on their pages: banners, texts and links of a programme.

create table clickledger.creative (
  id         bigint generated always as identity primary key,
  program_id bigint not null references clickledger.program,
  kind       text not null check (kind in ('banner', 'text', 'link')),
  name       text not null check (length(name) between 1 and 200),
  text       text check (length(text) between 1 and 1000),
  target_url text check (clickledger.target_fault(target_url) is null),
  erid       text check (erid ~ '^[A-Za-z0-9_-]{1,64}$'),
  status     text not null default 'active' check (status in ('active', 'paused', 'withdrawn')),
  created_at timestamptz not null default now(),
  check (kind <> 'text' or text is not null),
  check (kind <> 'link' or target_url is not null)
);
create index creative_program on clickledger.creative (program_id, id);
comment on table clickledger.creative is 'Banners, texts and links that a programme offers to its partners.';
comment on column clickledger.creative.id is 'Number.';
comment on column clickledger.creative.program_id is 'The programme.';
comment on column clickledger.creative.kind is 'banner: an image that leads to the shop; text: words that do; link: a page of the shop that is worth a link.';
comment on column clickledger.creative.name is 'Name shown to people.';
comment on column clickledger.creative.text is 'The words; of a banner what stands for the image where it is not seen. Needed for text.';
comment on column clickledger.creative.target_url is 'Page of the shop it leads to; null: where the partner''s link leads. Needed for link.';
comment on column clickledger.creative.erid is 'Token of the advertisement''s registration; null: it has none.';
comment on column clickledger.creative.status is 'active: offered; paused: no longer offered, but what stands on pages is still served; withdrawn: its images are not served any more.';
comment on column clickledger.creative.created_at is 'When it was made.';

create table clickledger.creative_file (
  name        text primary key check (name ~ '^[0-9]+-[0-9a-f]{16}\.(png|jpg|gif|webp)$'),
  creative_id bigint not null references clickledger.creative,
  media_type  text not null check (media_type in ('image/png', 'image/jpeg', 'image/gif', 'image/webp')),
  width       integer not null check (width between 1 and 4096),
  height      integer not null check (height between 1 and 4096),
  content     bytea not null check (length(content) between 1 and 1048576),
  created_at  timestamptz not null default now()
);
create index creative_file_creative on clickledger.creative_file (creative_id, created_at);
comment on table clickledger.creative_file is 'Images of banners as they were uploaded. A new one takes the place of the one before, which is still served to pages that show it.';
comment on column clickledger.creative_file.name is 'Name under /creatives/: the banner''s number, half of the content''s SHA-256, the format. The content under a name never changes.';
comment on column clickledger.creative_file.creative_id is 'The banner.';
comment on column clickledger.creative_file.media_type is 'Recognised from the content.';
comment on column clickledger.creative_file.width is 'Pixels.';
comment on column clickledger.creative_file.height is 'Pixels.';
comment on column clickledger.creative_file.content is 'The bytes, at most 1 MiB.';
comment on column clickledger.creative_file.created_at is 'When it was uploaded, the last time if more than once; the newest is the banner''s image.';

do $$
declare
  name text;
begin
  foreach name in array array['creative', 'creative_file'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
    execute format($policy$create policy team on clickledger.%I to cl_api
      using (current_setting('cl.team', true) = 'on') with check (current_setting('cl.team', true) = 'on')$policy$, name);
    execute format('create policy analyst on clickledger.%I for select to cl_analyst using (true)', name);
  end loop;
end $$;
-- The programmes and creatives inside are those that row security lets the partner see.
create policy partner_offered on clickledger.creative for select to cl_api
  using (nullif(current_setting('cl.partner', true), '') is not null and status = 'active'
    and program_id in (select p.id from clickledger.program p));
create policy partner_offered on clickledger.creative_file for select to cl_api
  using (nullif(current_setting('cl.partner', true), '') is not null and creative_id in (select c.id from clickledger.creative c));

grant select, insert on clickledger.creative to cl_api;
grant update (name, text, target_url, erid, status) on clickledger.creative to cl_api;
grant select (name, creative_id, media_type, width, height, created_at) on clickledger.creative_file to cl_api, cl_analyst;
grant insert on clickledger.creative_file to cl_api;
grant update (created_at) on clickledger.creative_file to cl_api;
grant select on clickledger.creative to cl_analyst;
select clickledger.audit_table('clickledger.creative'), clickledger.audit_table('clickledger.creative_file', 'content');

create function clickledger.creative_json(row_of clickledger.creative) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'program_id', row_of.program_id, 'kind', row_of.kind, 'name', row_of.name, 'text', row_of.text,
    'target_url', row_of.target_url, 'erid', row_of.erid, 'status', row_of.status,
    'image', (select json_build_object('path', '/creatives/' || f.name, 'media_type', f.media_type, 'width', f.width, 'height', f.height)
              from clickledger.creative_file f where f.creative_id = row_of.id order by f.created_at desc, f.name limit 1),
    'created_at', clickledger.api_time(row_of.created_at));
comment on function clickledger.creative_json(clickledger.creative) is 'A creative as answers show it. image: null, or the newest, with its path on this server.';

create function clickledger.api_creatives(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select creative as item from creative
    where id < (api_after(p))[1] and (p->>'program_id' is null or program_id = (p->>'program_id')::bigint)
      and (p->>'kind' is null or kind = p->>'kind') and (p->>'status' is null or status = p->>'status')
    order by id desc limit api_limit(p) + 1)
  select api_page(array_agg(creative_json(item) order by (item).id desc), array_agg(api_cursor((item).id) order by (item).id desc), p)
  from page;
$$;
comment on function clickledger.api_creatives(jsonb) is 'GET /v1/creatives. A partner sees the active ones of its programmes.';

create function clickledger.creative_check(row_of clickledger.creative) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform api_valid_target(row_of.target_url);
  perform api_valid(row_of.kind <> 'text' or row_of.text is not null, 'text', 'a text needs its text');
  perform api_valid(row_of.kind <> 'link' or row_of.target_url is not null, 'target_url', 'a link needs its target_url');
end $$;
comment on function clickledger.creative_check(clickledger.creative) is 'CL422 target_url, text: what a creative lacks.';

create function clickledger.api_creative_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made creative;
begin
  perform api_valid_owner(p);
  perform creative_check(jsonb_populate_record(null::creative, p));
  insert into creative (program_id, kind, name, text, target_url, erid)
  values ((p->>'program_id')::bigint, p->>'kind', p->>'name', p->>'text', p->>'target_url', p->>'erid') returning * into made;
  return creative_json(made);
end $$;
comment on function clickledger.api_creative_create(jsonb) is 'POST /v1/creatives. CL422 program_id, target_url, text.';

create function clickledger.api_creative_change(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  changed creative;
begin
  select * into changed from creative where id = (p->>'id')::bigint for update;
  if not found then
    return api_missing('creative');
  end if;
  changed := jsonb_populate_record(changed, p);
  perform creative_check(changed);
  update creative set name = changed.name, text = changed.text, target_url = changed.target_url, erid = changed.erid, status = changed.status
  where id = changed.id;
  return creative_json(changed);
end $$;
comment on function clickledger.api_creative_change(jsonb) is 'PATCH /v1/creatives/{id}: what is not given stays, null takes away. CL404; CL422 target_url, text.';

create function clickledger.api_creative_image(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  banner creative;
  content constant bytea := decode(p->>'content', 'base64');
begin
  select * into banner from creative where id = (p->>'id')::bigint;
  if not found then
    return api_missing('creative');
  end if;
  perform api_valid(banner.kind = 'banner', 'id', 'only a banner has an image');
  insert into creative_file (name, creative_id, media_type, width, height, content)
  values (banner.id || '-' || left(encode(sha256(content), 'hex'), 16) || '.' || (p->>'extension'), banner.id, p->>'media_type',
    (p->>'width')::integer, (p->>'height')::integer, content)
  on conflict (name) do update set created_at = excluded.created_at;
  return creative_json(banner);
end $$;
comment on function clickledger.api_creative_image(jsonb) is 'POST /v1/creatives/{id}/image: the banner''s image from now on, as the program measured it. CL404; CL422 id: no banner.';

create function clickledger.api_creative_file(p jsonb) returns json
  language sql stable security definer set search_path = clickledger, pg_temp as $$
  select coalesce((
    select json_build_object('media_type', f.media_type, 'content', encode(f.content, 'base64'))
    from creative_file f join creative c on c.id = f.creative_id
    where f.name = p->>'name' and c.status <> 'withdrawn'), api_missing('image'));
$$;
comment on function clickledger.api_creative_file(jsonb) is 'GET /creatives/{name}, for everybody: an image of a creative that is not withdrawn. CL404.';

grant execute on function clickledger.creative_json(clickledger.creative), clickledger.creative_check(clickledger.creative),
  clickledger.api_creatives(jsonb), clickledger.api_creative_create(jsonb), clickledger.api_creative_change(jsonb),
  clickledger.api_creative_image(jsonb), clickledger.api_creative_file(jsonb) to cl_api;
