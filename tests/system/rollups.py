"""What the hourly rollups say against the rows themselves."""

CLICKS = """
  select hour, program_id, partner_id, link_id, class::text, sum(clicks) from clickledger.click_hourly
  group by 1, 2, 3, 4, 5 having sum(clicks) <> 0"""
CLICK_ROWS = """
  select date_trunc('hour', ts, 'UTC'), coalesce(program_id, 0), coalesce(partner_id, 0), coalesce(link_id, 0), class::text, count(*)
  from clickledger.click group by 1, 2, 3, 4, 5"""
CONVERSIONS = """
  select hour, program_id, partner_id, link_id, kind, status, currency, conversions_ppm, revenue_minor, commission_minor
  from clickledger.conversion_hourly where (conversions_ppm, revenue_minor, commission_minor) <> (0, 0, 0)"""
CONVERSION_ROWS = """
  select date_trunc('hour', c.occurred_at, 'UTC'), c.program_id, coalesce(r.partner_id, 0), coalesce(r.link_id, 0), c.kind, c.status,
    c.currency, sum(coalesce(r.weight_ppm, 1000000)), sum(coalesce(r.amount_minor, c.amount_minor - c.refunded_minor)),
    coalesce(sum(case when r.weight_ppm = r.weights then m.amount_minor
        else floor(m.amount_minor * r.upto / r.weights) - floor(m.amount_minor * (r.upto - r.weight_ppm) / r.weights) end), 0)
  from clickledger.conversion c
  left join (
    select *, sum(weight_ppm::numeric) over (partition by conversion_id, partner_id order by touch_ts, touch_id, touch_kind) as upto,
      sum(weight_ppm::numeric) over (partition by conversion_id, partner_id) as weights from clickledger.credit) r on r.conversion_id = c.id
  left join clickledger.commission m on m.conversion_id = c.id and m.partner_id = r.partner_id
  group by 1, 2, 3, 4, 5, 6, 7"""


def conversions_differ(query):
    """Hours of conversions that do not equal their rows, or the other way round; [] is good."""
    return query(f"({CONVERSIONS} except {CONVERSION_ROWS}) union all ({CONVERSION_ROWS} except {CONVERSIONS})")


def clicks_differ(query):
    """Likewise of clicks."""
    return query(f"({CLICKS} except {CLICK_ROWS}) union all ({CLICK_ROWS} except {CLICKS})")


def sketches_differ(query):
    """Hours of unique visitors whose sketch is not that of their clicks; [] is good."""
    return query("select hour, link_id from clickledger.unique_hourly u full join clickledger.unique_found('2020-01-01', '2030-01-01') f"
                 " using (hour, program_id, partner_id, link_id) where u.sketch is distinct from f.sketch")
