-- What a link can do: start, expiry, click cap, a fallback of its own, rules, macros in targets. All of it is checked and
-- compiled when it is saved; the tracker evaluates the bytes (base/catalog_link.h).

-- Macros.

create function clickledger.macro_number(name text) returns integer
  language sql immutable strict parallel safe
  return case
    when name ~ '^(sub|sub_id_|aff_sub)([1-9]|10)$' then substring(name from '[0-9]+$')::integer
    when name = 'aff_sub' then 1
    else array_position(array[
        'click_id', null, null, null, null, null, null, null, null, null, null, 'partner_id', 'program_id', 'link_id',
        'country', 'region', 'asn', 'device', 'os', 'browser', 'language',
        'utm_source', 'utm_medium', 'utm_campaign', 'utm_content', 'utm_term',
        'erid', 'ad_network', 'ad_click_id', 'promo_code', 'timestamp', 'date', 'ip', 'referrer', 'rand'],
      case name when 'clickid' then 'click_id' when 'aff_id' then 'partner_id' when 'offer_id' then 'program_id'
                when 'device_type' then 'device' else name end) - 1
  end;
comment on function clickledger.macro_number(text) is 'Number of a macro in enum catalog_macro of base/catalog_link.h; null: there is no such macro. Names that people know from elsewhere are aliases.';

create function clickledger.target_fault(url text) returns text
  language plpgsql immutable parallel safe as $$
declare
  name text;
begin
  if url !~ '[{}]' then
    return case when not clickledger.url_valid(url) then 'is not a clean http or https URL' end;
  end if;
  if regexp_replace(url, '\{[^{}]*\}', '', 'g') ~ '[{}]' then
    return 'has a brace that is not closed or not opened';
  end if;
  if regexp_count(url, '\{') > 32 then
    return 'has more than 32 macros';
  end if;
  for name in select m[1] from regexp_matches(url, '\{([^{}]*)\}', 'g') as m loop
    if clickledger.macro_number(name) is null then
      return 'has the unknown macro {' || left(name, 64) || '}';
    end if;
  end loop;
  if substring(url from '^(?:[^:/?#]*://)?[^/?#]*') ~ '\{' then
    return 'has a macro in scheme or host';
  end if;
  -- x is no hexadecimal digit: what is left of % and a macro is no escape.
  return case when length(url) > 2048 or not clickledger.url_valid(regexp_replace(url, '\{[^{}]*\}', 'x', 'g'))
              then 'is not a clean http or https URL' end;
end $$;
comment on function clickledger.target_fault(text) is 'What is wrong with a target: a clean URL whose path, query and fragment may hold up to 32 macros. Null: nothing.';

create function clickledger.target_bytes(url text) returns bytea
  language plpgsql stable parallel safe set search_path = clickledger, pg_temp as $$
declare
  part text[];
  made bytea := '';
begin
  for part in select regexp_matches(url, '([^{]*)(?:\{([^}]*)\})?', 'g') loop
    made := made || convert_to(part[1], 'UTF8');
    if part[2] is not null then
      made := made || set_byte('\x00', 0, 128 + macro_number(part[2]));
    end if;
  end loop;
  return catalog_bytes(made);
end $$;
comment on function clickledger.target_bytes(text) is 'A target inside a record: each macro is one byte, 128 and its number.';

-- Columns.

alter table clickledger.link
  drop constraint link_target_url_check,
  add constraint link_target_url_check check (clickledger.target_fault(target_url) is null),
  add column starts_at timestamptz check (starts_at > '1970-01-01Z' and isfinite(starts_at)),
  add column expires_at timestamptz check (expires_at > '1970-01-01Z' and isfinite(expires_at)),
  add column click_cap bigint check (click_cap > 0),
  add column exhausted_at timestamptz,
  add column fallback_url text check (clickledger.url_valid(fallback_url)),
  add constraint link_times check (expires_at > starts_at);
create index link_capped on clickledger.link (id) where click_cap is not null and exhausted_at is null;
comment on column clickledger.link.target_url is 'Where the visitor goes when no rule says otherwise; http or https; may hold macros.';
comment on column clickledger.link.starts_at is 'From when on it leads there; null: from the beginning.';
comment on column clickledger.link.expires_at is 'From when on it does not any more; null: never.';
comment on column clickledger.link.click_cap is 'How many clicks of people it may have; null: any number.';
comment on column clickledger.link.exhausted_at is 'When its counted clicks had reached the cap; null: not yet.';
comment on column clickledger.link.fallback_url is 'Where a visitor goes whose click it does not take; null: the programme''s fallback.';

alter table clickledger.promo_code
  drop constraint promo_code_target_url_check,
  add constraint promo_code_target_url_check check (clickledger.target_fault(target_url) is null);
comment on column clickledger.promo_code.target_url is 'Where /p/{code} leads; may hold macros.';

create table clickledger.link_rule (
  id          bigint generated always as identity primary key,
  link_id     bigint not null references clickledger.link,
  position    integer not null check (position between 1 and 32),
  conditions  jsonb not null default '{}',
  targets     jsonb not null,
  compiled    bytea not null,
  compiled_at timestamptz not null default now(),
  unique (link_id, position)
);
create index link_rule_timed on clickledger.link_rule (compiled_at) where conditions ? 'time';
comment on table clickledger.link_rule is 'Rules of links: the first whose conditions all hold says where the visitor goes.';
comment on column clickledger.link_rule.id is 'Number of the rule; it salts the sides of its split, so they stay when the rule is changed.';
comment on column clickledger.link_rule.link_id is 'The link.';
comment on column clickledger.link_rule.position is 'Place in the order; the lowest is asked first.';
comment on column clickledger.link_rule.conditions is 'What must hold: country, region, asn, device, os, browser, language (lists), time (zone or offset, windows).';
comment on column clickledger.link_rule.targets is 'Where it leads: one target, or a split whose weights sum to 1000000.';
comment on column clickledger.link_rule.compiled is 'The rule as the tracker reads it.';
comment on column clickledger.link_rule.compiled_at is 'When it was compiled: rules with a time are compiled again every day, because zones change their clocks.';

-- Compiling, which is checking as well. Every fault says where it is.

create function clickledger.rule_valid(good boolean, place text, message text) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform api_valid(good, 'rules', place || ': ' || message);
end $$;
comment on function clickledger.rule_valid(boolean, text, text) is 'CL422 with the place unless good is true.';

create function clickledger.rule_words(value jsonb, pattern text, what text, place text) returns text[]
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  word jsonb;
  words text[] := '{}';
begin
  perform rule_valid(jsonb_typeof(value) = 'array' and jsonb_array_length(value) between 1 and 200, place, 'must be a list of 1 to 200, each a ' || what);
  for word in select jsonb_array_elements(value) loop
    perform rule_valid(jsonb_typeof(word) in ('string', 'number') and word #>> '{}' ~ pattern, place, left(word::text, 64) || ' is no ' || what);
    perform rule_valid(word #>> '{}' <> all (words), place, word::text || ' is given twice');
    words := words || (word #>> '{}');
  end loop;
  return words;
end $$;
comment on function clickledger.rule_words(jsonb, text, text, text) is 'The texts of a list of a condition, each of which must fit the pattern as a whole and be there once.';

create function clickledger.rule_minutes(value jsonb, last integer, place text) returns integer
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  minutes integer := case when value #>> '{}' ~ '^([01][0-9]|2[0-4]):[0-5][0-9]$'
                     then left(value #>> '{}', 2)::integer * 60 + right(value #>> '{}', 2)::integer end;
begin
  perform rule_valid(jsonb_typeof(value) = 'string' and minutes <= last, place, 'must be a time of day from "00:00" to "' || last / 60 || ':' || lpad((last % 60)::text, 2, '0') || '"');
  return minutes;
end $$;
comment on function clickledger.rule_minutes(jsonb, integer, text) is 'Minutes of a time of day, at most last.';

create function clickledger.rule_windows(value jsonb, place text) returns bytea
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  names constant text[] := array['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
  item record;
  day text;
  here text;
  begins integer;
  ends integer;
  whole int4multirange := '{}';
  part int4multirange;
begin
  perform rule_valid(jsonb_typeof(value) = 'array' and jsonb_array_length(value) between 1 and 50, place, 'must be a list of 1 to 50 windows');
  for item in select w.value, w.n from jsonb_array_elements(value) with ordinality as w (value, n) loop
    here := place || '[' || item.n || ']';
    perform rule_valid(jsonb_typeof(item.value) = 'object', here, 'must be an object');
    perform rule_valid(key in ('days', 'from', 'to'), here, 'unknown key ' || to_json(key)) from jsonb_object_keys(item.value) as key;
    begins := rule_minutes(item.value->'from', 1439, here || '.from');
    ends := rule_minutes(item.value->'to', 1440, here || '.to');
    perform rule_valid(begins <> ends, here, 'from and to must differ; the whole day is from 00:00 to 24:00');
    ends := ends + case when ends < begins then 1440 else 0 end;
    foreach day in array rule_words(coalesce(item.value->'days', to_jsonb(names)), '^(mon|tue|wed|thu|fri|sat|sun)$', 'day', here || '.days') loop
      select int4multirange(int4range(s.at, least(s.at + ends - begins, 10080)), int4range(0, greatest(s.at + ends - begins - 10080, 0)))
        into part from (select (array_position(names, day) - 1) * 1440 + begins as at) as s;
      perform rule_valid(not whole && part, here, 'overlaps an earlier window on ' || day);
      whole := whole + part;
    end loop;
  end loop;
  return (select string_agg(int2send(lower(r)::smallint) || int2send(upper(r)::smallint), '' order by r) from unnest(whole) as r);
end $$;
comment on function clickledger.rule_windows(jsonb, text) is 'Windows of a time condition as minutes of the week from Monday on. A window whose end is before its begin reaches into the next day.';

create function clickledger.zone_offset(zone text, at timestamptz) returns integer
  language sql stable parallel safe
  return (extract(epoch from (at at time zone zone) - (at at time zone 'UTC')) / 60)::integer;
comment on function clickledger.zone_offset(text, timestamptz) is 'Minutes that a zone''s clocks are ahead of UTC at a moment.';

create function clickledger.zone_offsets(zone text) returns bytea
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  at timestamptz := date_trunc('year', now(), 'UTC');
  last constant timestamptz := at + interval '4 years';
  known integer := zone_offset(zone, at);
  made bytea := int4send(0) || int2send(known::smallint);
  early timestamptz;
  late timestamptz;
  middle timestamptz;
begin
  -- No zone changes its clocks twice within a week.
  while at < last loop
    if zone_offset(zone, at + interval '7 days') <> known then
      early := at;
      late := at + interval '7 days';
      while late - early > interval '1 minute' loop
        middle := date_trunc('minute', early + (late - early) / 2);
        if zone_offset(zone, middle) = known then early := middle; else late := middle; end if;
      end loop;
      known := zone_offset(zone, late);
      made := made || substring(int8send(extract(epoch from late)::bigint) from 5) || int2send(known::smallint);
    end if;
    at := at + interval '7 days';
  end loop;
  return set_byte('\x00', 0, length(made) / 6) || made;
end $$;
comment on function clickledger.zone_offsets(text) is 'A zone''s offsets from the begin of this year for four years, as a time condition holds them: the tracker knows no zones.';

create function clickledger.rule_time(value jsonb, program_zone text, place text) returns bytea
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  shift constant text := value->>'offset';
  zone constant text := coalesce(value->>'zone', program_zone);
begin
  perform rule_valid(jsonb_typeof(value) = 'object', place, 'must be an object');
  perform rule_valid(key in ('zone', 'offset', 'windows'), place, 'unknown key ' || to_json(key)) from jsonb_object_keys(value) as key;
  perform rule_valid(not value ?& array['zone', 'offset'], place, 'give zone or offset, not both');
  perform rule_valid(value ? 'windows', place, 'windows is missing');
  if value ? 'offset' then
    perform rule_valid(shift ~ '^[+-](0[0-9]|1[0-4]):[0-5][0-9]$', place || '.offset', 'must be an offset from UTC such as "+03:00"');
    return '\x0100000000'::bytea || int2send(((left(shift, 1) || '1')::integer * (substr(shift, 2, 2)::integer * 60 + right(shift, 2)::integer))::smallint)
      || rule_windows(value->'windows', place || '.windows');
  end if;
  begin
    perform api_zone(zone);
  exception when sqlstate 'CL422' then
    perform rule_valid(false, place || '.zone', sqlerrm);
  end;
  return zone_offsets(zone) || rule_windows(value->'windows', place || '.windows');
end $$;
comment on function clickledger.rule_time(jsonb, text, text) is 'A time condition: windows in a zone (without one the programme''s), or at an offset from UTC.';

create function clickledger.country_known(code text) returns boolean
  language sql immutable parallel safe
  return position(' ' || code || ' ' in ' AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN '
    'BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER '
    'ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO '
    'IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML '
    'MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT '
    'PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN '
    'TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW ') > 0;
comment on function clickledger.country_known(text) is 'Whether it is a code of ISO 3166-1, or XK, which address databases use for Kosovo.';

create function clickledger.rule_condition(key text, value jsonb, program_zone text, place text) returns bytea
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  zero constant bytea := '\x000000';
  words text[];
begin
  case key
  when 'country' then
    words := rule_words(value, '^[A-Z]{2}$', 'country of ISO 3166-1 such as "RU"', place);
    perform rule_valid(country_known(word), place, to_json(word) || ' is no country of ISO 3166-1 such as "RU"') from unnest(words) as word;
    return (select string_agg(convert_to(word, 'UTF8'), '' order by n) from unnest(words) with ordinality as w (word, n));
  when 'region' then
    words := rule_words(value, '^[A-Z]{2}-[A-Z0-9]{1,3}$', 'region of ISO 3166-2 such as "RU-MOW"', place);
    perform rule_valid(country_known(left(word, 2)), place, to_json(word) || ' is no region of ISO 3166-2 such as "RU-MOW"') from unnest(words) as word;
    return (select string_agg(convert_to(left(word, 2) || substr(word, 4), 'UTF8') || substring(zero from length(word) - 2), '' order by n)
            from unnest(words) with ordinality as w (word, n));
  when 'asn' then
    words := rule_words(value, '^[1-9][0-9]{0,9}$', 'number of an autonomous system', place);
    perform rule_valid(word::bigint <= 4294967295, place, word || ' is no number of an autonomous system') from unnest(words) as word;
    return (select string_agg(substring(int8send(word::bigint) from 5), '' order by n) from unnest(words) with ordinality as w (word, n));
  when 'language' then
    words := rule_words(value, '^[a-z]{2,3}$', 'language such as "ru"', place);
    return (select string_agg(convert_to(word, 'UTF8') || substring(zero from length(word) + 1), '' order by n)
            from unnest(words) with ordinality as w (word, n));
  when 'device' then
    return rule_choices(value, enum_range(null::device)::text[], key, place);
  when 'os' then
    return rule_choices(value, enum_range(null::os)::text[], key, place);
  when 'browser' then
    return rule_choices(value, enum_range(null::browser)::text[], key, place);
  when 'time' then
    return rule_time(value, program_zone, place);
  else
    return null;
  end case;
end $$;
comment on function clickledger.rule_condition(text, jsonb, text, text) is 'The list of a condition as the tracker reads it; null: there is no condition of this name.';

create function clickledger.rule_choices(value jsonb, choices text[], what text, place text) returns bytea
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  words text[] := rule_words(value, '^[a-z_]+$', what, place);
begin
  perform rule_valid(word = any (choices), place, to_json(word) || ' is no ' || what || '; there are ' || array_to_string(choices, ', '))
  from unnest(words) as word;
  return (select string_agg(set_byte('\x00', 0, array_position(choices, word)), '' order by n) from unnest(words) with ordinality as w (word, n));
end $$;
comment on function clickledger.rule_choices(jsonb, text[], text, text) is 'Numbers of names of a closed list, whose order is that of base/hit.h.';

create function clickledger.rule_conditions(conditions jsonb, program_zone text, place text) returns bytea
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  kinds constant text[] := array['country', 'region', 'asn', 'device', 'os', 'browser', 'language', 'time'];
  item record;
  made bytea := '';
  n integer := 0;
begin
  perform rule_valid(jsonb_typeof(conditions) = 'object', place, 'must be an object');
  perform rule_valid(not conditions ?& array['country', 'region'], place, 'give country or region, not both: a region is in its country');
  perform rule_valid(key = any (kinds), place, 'unknown condition ' || to_json(key) || '; there are ' || array_to_string(kinds, ', '))
  from jsonb_object_keys(conditions) as key;
  for item in select c.key, c.value, array_position(kinds, c.key) as kind from jsonb_each(conditions) as c order by kind loop
    made := made || set_byte('\x00', 0, item.kind) || catalog_bytes(rule_condition(item.key, item.value, program_zone, place || '.' || item.key));
    n := n + 1;
  end loop;
  return set_byte('\x00', 0, n) || made;
end $$;
comment on function clickledger.rule_conditions(jsonb, text, text) is 'The conditions of a rule, the cheapest first.';

create function clickledger.rule_targets(targets jsonb, place text) returns bytea
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  item record;
  here text;
  weight bigint;
  total bigint := 0;
  made bytea := '';
  single constant boolean := jsonb_typeof(targets) = 'array' and jsonb_array_length(targets) = 1;
begin
  perform rule_valid(jsonb_typeof(targets) = 'array' and jsonb_array_length(targets) between 1 and 16, place, 'must be a list of 1 to 16 targets');
  for item in select t.value, t.n from jsonb_array_elements(targets) with ordinality as t (value, n) loop
    here := place || '[' || item.n || ']';
    perform rule_valid(jsonb_typeof(item.value) = 'object', here, 'must be an object');
    perform rule_valid(key in ('target_url', 'weight_ppm'), here, 'unknown key ' || to_json(key)) from jsonb_object_keys(item.value) as key;
    perform rule_valid(jsonb_typeof(item.value->'target_url') = 'string', here, 'target_url must be a text');
    perform rule_valid(target_fault(item.value->>'target_url') is null, here, 'target_url ' || target_fault(item.value->>'target_url'));
    perform rule_valid(single and not item.value ? 'weight_ppm'
        or jsonb_typeof(item.value->'weight_ppm') = 'number' and item.value->>'weight_ppm' ~ '^[1-9][0-9]{0,6}$',
      here, 'weight_ppm must be a whole number from 1 to 1000000');
    weight := coalesce((item.value->>'weight_ppm')::bigint, 1000000);
    total := total + weight;
    made := made || int4send(weight::integer) || target_bytes(item.value->>'target_url');
  end loop;
  perform rule_valid(total = 1000000, place, 'the weights sum to ' || total || ', not to 1000000');
  return set_byte('\x00', 0, jsonb_array_length(targets)) || made;
end $$;
comment on function clickledger.rule_targets(jsonb, text) is 'The targets of a rule with their weights.';

create function clickledger.link_rule_compile() returns trigger
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  place constant text := 'rule ' || new.position;
  zone constant text := (select p.time_zone from link l join program p on p.id = l.program_id where l.id = new.link_id);
  made bytea;
begin
  made := int8send(new.id) || rule_conditions(new.conditions, zone, place || ', conditions') || rule_targets(new.targets, place || ', targets');
  perform rule_valid(new.conditions <> '{}' or jsonb_array_length(new.targets) > 1, place, 'is empty: without a condition its target belongs into the link''s target_url');
  new.compiled := catalog_bytes(made);
  new.compiled_at := now();
  return new;
end $$;
comment on function clickledger.link_rule_compile() is 'Trigger: checks a rule and compiles it. CL422 with the place of the fault.';
create trigger link_rule_compile before insert or update on clickledger.link_rule
  for each row execute function clickledger.link_rule_compile();

create function clickledger.link_rules_whole() returns trigger
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  rules record;
begin
  for rules in
    select sum(length(r.compiled)) as bytes, max(r.position) as last, min(r.position) filter (where r.conditions = '{}') as always
    from link_rule r where r.link_id in (select link_id from come) group by r.link_id
  loop
    perform rule_valid(rules.always is null or rules.always = rules.last, 'rule ' || rules.last, 'is never asked: rule ' || rules.always || ' has no conditions');
    perform rule_valid(rules.bytes <= 49152, 'rule ' || rules.last, 'all rules of a link take at most 49152 bytes, these ' || rules.bytes);
  end loop;
  return null;
end $$;
comment on function clickledger.link_rules_whole() is 'Trigger: checks all rules of a link together.';
create trigger link_rules_whole_insert after insert on clickledger.link_rule referencing new table as come
  for each statement execute function clickledger.link_rules_whole();
create trigger link_rules_whole_update after update on clickledger.link_rule referencing new table as come
  for each statement execute function clickledger.link_rules_whole();
