-- What a preview of terms came to by partner as a list, which CSV can give.

create function clickledger.api_terms_preview_partners(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  preview terms_preview;
begin
  select * into preview from terms_preview t where t.id = (p->>'id')::bigint;
  if not found then
    return api_missing('preview');
  end if;
  if preview.result is null then
    perform api_fail(409, 'status', 'the preview is ' || (terms_preview_json(preview)->>'status') || ', not done');
  end if;
  return json_build_object('data', (
    select coalesce(json_agg(partner || jsonb_build_object('currency', preview.result->'currency') order by place), '[]')
    from jsonb_array_elements(preview.result->'partners') with ordinality as listed (partner, place)));
end $$;
comment on function clickledger.api_terms_preview_partners(jsonb) is 'GET /v1/terms-previews/{id}/partners: by partner, the largest difference first. CL404; CL409 status: it is open or failed.';
grant execute on function clickledger.api_terms_preview_partners(jsonb) to cl_api;
