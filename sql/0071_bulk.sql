-- What the team does many times at once: deciding about conversions, making promo codes. A verdict for each; one bad one does not
-- hold back the others.

create function clickledger.api_conversions_decide(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  is_decline constant boolean := p->>'action' = 'decline';
  verdicts json;
begin
  perform api_valid(is_decline = (p->>'reason' is not null), 'reason', 'reason is needed for decline, and only there');
  perform api_valid(not is_decline or exists (select from decline_reason where code = p->>'reason'), 'reason',
    'reason must be one of ' || (select string_agg(code, ', ' order by code) from decline_reason));
  with asked as (
    select id::bigint as id, min(n) as n from jsonb_array_elements_text(p->'ids') with ordinality as i (id, n) group by 1),
  decided as (
    insert into conversion_decision (conversion_id, action, reason, note, api_key_id)
    select c.id, p->>'action', p->>'reason', p->>'note', current_setting('cl.key')::bigint
    from asked join conversion c on c.id = asked.id order by asked.n
    returning id, conversion_id)
  select json_agg(json_build_object('id', a.id, 'verdict', case when d.id is null then 'not_found' else 'decided' end, 'decision_id', d.id) order by a.n)
  into verdicts
  from asked a left join decided d on d.conversion_id = a.id;
  perform pg_notify('clickledger_work', '');
  return json_build_object('action', p->>'action', 'reason', p->>'reason', 'data', verdicts);
end $$;
comment on function clickledger.api_conversions_decide(jsonb) is 'POST /v1/conversions/decide: one decision about each of up to 500 conversions, applied by attrib. Verdicts, in the order asked, an id that comes twice once: decided, not_found. CL422 reason.';

create function clickledger.code_random(prefix text) returns text
  language sql volatile
  return (select prefix || string_agg(substr('23456789ABCDEFGHJKLMNPQRSTUVWXYZ', (get_byte(b, i) & 31) + 1, 1), '')
          from (select decode(clickledger.key_random(), 'hex') as b) as bytes,
            unnest(array[0, 1, 2, 3, 4, 5, 9, 10]) as i); -- not bytes of a UUID that say its version
comment on function clickledger.code_random(text) is 'A promo code: the prefix and 8 characters that are not mistaken for each other, 40 random bits.';

create function clickledger.api_promo_codes_bulk(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  is_given constant boolean := p->'codes' is not null;
  verdicts json;
begin
  perform api_valid_owner(p);
  perform api_valid_target(p->>'target_url');
  perform api_valid(is_given = (p->>'prefix' is null and p->>'count' is null) and is_given = (p->>'count' is null), 'codes',
    'give either codes, or count and perhaps prefix');
  -- Of equal codes the first counts. A random one that is taken, with 40 bits, is told like a given one.
  with asked as (
    select code, n, code ~ '^[A-Za-z0-9_-]{1,64}$' as is_code, row_number() over (partition by upper(code) order by n) = 1 as is_first
    from (select c.code, c.n from jsonb_array_elements_text(p->'codes') with ordinality as c (code, n) where is_given
          union all
          select code_random(coalesce(p->>'prefix', '')), n from generate_series(1, (p->>'count')::integer) as n where not is_given) as listed),
  made as (
    insert into promo_code (program_id, partner_id, code, target_url)
    select (p->>'program_id')::bigint, (p->>'partner_id')::bigint, a.code, p->>'target_url' from asked a where a.is_code and a.is_first order by a.n
    on conflict ((upper(code))) do nothing
    returning id, code)
  select json_agg(json_build_object('code', a.code, 'verdict', case when not a.is_code then 'not_a_code' when not a.is_first then 'repeated'
                                                                    when m.id is null then 'taken' else 'made' end, 'id', m.id) order by a.n)
  into verdicts
  from asked a left join made m on m.code = a.code and a.is_first;
  return json_build_object('data', verdicts);
end $$;
comment on function clickledger.api_promo_codes_bulk(jsonb) is 'POST /v1/promo-codes/bulk: up to 1,000 codes, given or random. Verdicts in their order: made, taken, repeated (in this list), not_a_code. CL422 program_id, partner_id, target_url, codes.';

grant execute on function clickledger.api_conversions_decide(jsonb), clickledger.code_random(text), clickledger.api_promo_codes_bulk(jsonb) to cl_api;
