-- What reaches back and speaks of fraud: policies of a past moment, and partners of whom becomes known who they are.

create table clickledger.partner_due (
  id         bigint generated always as identity primary key,
  partner_id bigint not null
);
comment on table clickledger.partner_due is 'Partners whose e-mail or customer references changed, so that self_referral may be another. Written with the change, taken by attrib.';
comment on column clickledger.partner_due.id is 'Number of the change.';
comment on column clickledger.partner_due.partner_id is 'The partner.';

create function clickledger.partner_due_add() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  changed bigint;
begin
  if tg_table_name = 'partner' then
    changed := new.id;
  else
    changed := case tg_op when 'DELETE' then old.partner_id else new.partner_id end;
  end if;
  insert into clickledger.partner_due (partner_id) values (changed);
  notify clickledger_work;
  return null;
end $$;
comment on function clickledger.partner_due_add() is 'Trigger: who a partner is has changed, so the conversions that it is credited for are looked at again.';
create trigger partner_due after update of email on clickledger.partner
  for each row when (old.email is distinct from new.email) execute function clickledger.partner_due_add();
create trigger partner_due after insert or delete on clickledger.partner_customer
  for each row execute function clickledger.partner_due_add();

create or replace function clickledger.policy_expand(policies_max integer) returns bigint language sql as $$
  with taken as (
    update clickledger.attribution_policy set applied = true
    where id in (select id from clickledger.attribution_policy where not applied order by id limit policies_max)
    returning program_id, effective_from),
  fraud as (
    update clickledger.fraud_policy f set applied = true
    from (select program_id, fact, effective_from from clickledger.fraud_policy where not applied order by 1, 2, 3 limit policies_max) n
    where (f.program_id, f.fact, f.effective_from) = (n.program_id, n.fact, n.effective_from)
    returning f.program_id, f.effective_from),
  partners as (
    delete from clickledger.partner_due
    where id in (select id from clickledger.partner_due order by id limit policies_max)
    returning partner_id),
  due as (
    insert into clickledger.conversion_due
    select c.id from clickledger.conversion c
    join (select program_id, min(effective_from) as since from (select * from taken union all select * from fraud) n group by program_id) t
      on t.program_id = c.program_id and c.occurred_at >= t.since
    union
    select r.conversion_id from clickledger.credit r
    where r.partner_id in (select partner_id from partners)
      and exists (select from clickledger.fraud_policy f where f.program_id = r.program_id and f.fact = 'self_referral')
    on conflict do nothing)
  select (select count(*) from taken) + (select count(*) from fraud) + (select count(*) from partners)
$$;
comment on function clickledger.policy_expand(integer) is 'Turns new policies, of attribution and of facts, into the conversions since they took effect, and partners of whom became known who they are into those that they are credited for; returns how many.';

alter table clickledger.partner_due enable row level security;
alter table clickledger.partner_due force row level security;
grant select, delete on clickledger.partner_due to cl_attrib;
