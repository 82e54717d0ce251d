// The days a report is about, kept in the URL as from and to.
import { useState } from "preact/hooks";
import { t } from "../lib/i18n.js";
import { place, setQuery } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { dayPlus, today } from "../lib/time.js";
import { Button, Select } from "./field.jsx";

const DAYS = { 1: 1, 7: 7, 30: 30, 90: 90, 365: 365 };
const STANDARD = "30";
const DAY = /^\d{4}-\d\d-\d\d$/;

function monthBefore(day) {
  const last = dayPlus(`${day.slice(0, 7)}-01`, -1);
  return [`${last.slice(0, 7)}-01`, last];
}

/** {name, from, to} of the URL: whole days, both included. */
export function usePeriod() {
  const { query } = useStore(place);
  if (DAY.test(query.from ?? "") && DAY.test(query.to ?? "") && query.from <= query.to) return { name: "own", from: query.from, to: query.to };
  const day = today();
  if (query.period === "month") return { name: "month", from: `${day.slice(0, 7)}-01`, to: day };
  if (query.period === "last_month") {
    const [from, to] = monthBefore(day);
    return { name: "last_month", from, to };
  }
  const name = query.period in DAYS ? query.period : STANDARD;
  return { name, from: dayPlus(day, 1 - DAYS[name]), to: day };
}

export function PeriodChoice() {
  const period = usePeriod();
  const [own, setOwn] = useState(period.name === "own");
  const [draft, setDraft] = useState(period);
  const names = ["1", "7", "30", "90", "365", "month", "last_month", "own"];
  function choose(name) {
    setOwn(name === "own");
    if (name === "own") setDraft(period);
    else setQuery({ period: name === STANDARD ? null : name, from: null, to: null });
  }
  function apply(event) {
    event.preventDefault();
    if (draft.from <= draft.to) setQuery({ period: null, from: draft.from, to: draft.to });
  }
  return (
    <div class="period">
      <Select aria-label={t("period.label")} options={names.map((name) => [name, t(`period.${name}`)])} value={own ? "own" : period.name} onChange={choose} />
      {own && (
        <form class="period-own" onSubmit={apply}>
          <input type="date" required aria-label={t("period.from")} value={draft.from} max={draft.to} onInput={(event) => setDraft({ ...draft, from: event.currentTarget.value })} />
          <span aria-hidden="true">–</span>
          <input type="date" required aria-label={t("period.to")} value={draft.to} min={draft.from} onInput={(event) => setDraft({ ...draft, to: event.currentTarget.value })} />
          <Button type="submit">{t("period.show")}</Button>
        </form>
      )}
    </div>
  );
}
