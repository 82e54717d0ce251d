"""Clicks as ingest loads them, told to PostgreSQL directly, and what repeats what."""
from shop import PRODUCER, uuid7

WINDOW_S = 60
LOAD = """
  with loaded as (
    insert into click (ts, click_id, visitor_id, address_hash, user_agent, asn, program_id, partner_id, link_id, class, reason, status,
      catalog_revision, producer, seq, content_hash)
    select click_ts(id), id, visitor, address, agent, asn, program, partner, link, class::hit_class, reason, 302, 1, %(producer)s, 1, 1
    from unnest(%(id)s::uuid[], %(visitor)s::uuid[], %(address)s::bigint[], %(agent)s::text[], %(asn)s::bigint[],
      %(program)s::bigint[], %(partner)s::bigint[], %(link)s::bigint[], %(class)s::text[], %(reason)s::text[])
      as c (id, visitor, address, agent, asn, program, partner, link, class, reason)
    returning *),
  counted as (
    insert into click_hourly as h (hour, shard, program_id, partner_id, link_id, class, clicks)
    select date_trunc('hour', ts, 'UTC'), 0, program_id, partner_id, coalesce(link_id, 0), class, count(*) from loaded group by 1, 3, 4, 5, 6
    on conflict (partner_id, hour, program_id, link_id, class, shard) do update set clicks = h.clicks + excluded.clicks)
  insert into click_due (from_ts, to_ts, clicks) select min(ts), max(ts), count(*) from loaded where class = 'human' group by date_trunc('hour', ts, 'UTC')
  having count(*) > 0"""


class Click:
    """A click as the tracker classified it, and what must become of it."""

    def __init__(self, at, link, visitor=None, address=None, agent="a", hit_class="human", reason="none", asn=None):
        self.id = uuid7(at)
        self.ms = int(at.timestamp() * 1000)
        self.link, self.visitor, self.address, self.agent, self.asn = link, visitor, address, agent, asn
        self.hit_class, self.reason = hit_class, reason

    def repeats(self, other, key):
        """Whether `other` is an earlier click within the window that shares the key."""
        shared = {"same_visitor": self.visitor and self.visitor == other.visitor,
                  "same_address": self.address is not None and (self.address, self.agent) == (other.address, other.agent)}
        return (self.link == other.link and shared[key] and other.hit_class == "human" and other.id < self.id
                and self.ms - other.ms <= WINDOW_S * 1000)

    def outcome(self, clicks):
        """(id, class, reason, duplicate_of), by looking at all pairs."""
        found = {key: max((c.id for c in clicks if self.repeats(c, key)), default=None) for key in ("same_visitor", "same_address")}
        followed = max((f for f in found.values() if f), default=None)
        if self.hit_class != "human" or not followed:
            return (self.id, self.hit_class, "none", None)
        return (self.id, "duplicate", "same_visitor" if found["same_visitor"] else "same_address", followed)


def load(database, shop, clicks):
    """One load, as ingest does it."""
    database.query(LOAD, {
        "producer": PRODUCER, "id": [c.id for c in clicks], "visitor": [c.visitor for c in clicks],
        "address": [c.address for c in clicks], "agent": [c.agent for c in clicks], "asn": [c.asn for c in clicks], "program": [shop.program] * len(clicks),
        "partner": [shop.anna] * len(clicks), "link": [c.link for c in clicks], "class": [c.hit_class for c in clicks],
        "reason": [c.reason for c in clicks]})


def look_again(database):
    """Puts all clicks on the list once more."""
    database.query("insert into click_due (from_ts, to_ts, clicks) select min(ts), max(ts), count(*) from click")


def settle(database, clicks_max=1000000):
    """(spans, clicks that changed)"""
    return database.query("select dues, marked from click_settle(%s)", [clicks_max])[0]
