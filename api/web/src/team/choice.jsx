// Which programme, which partner: as filters in the URL, as fields of forms, and as names in lists.
import { useContext, useEffect, useId, useState } from "preact/hooks";
import { t } from "../lib/i18n.js";
import { place, setQuery } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { Field, FormContext, Select, SelectField } from "../ui/field.jsx";
import { partnerOf, partners, programOf, programs } from "./names.js";

export const programOptions = () => programs.get().map(({ id, name }) => [String(id), name]);
const partnerText = ({ id, name }) => `${name} · #${id}`;
const partnerIdOf = (text) => /#(\d+)\s*$/.exec(text)?.[1] ?? partners.get().find(({ name }) => name === text.trim())?.id;

/** The named filters of the URL; what is not there is undefined. */
export function useFilters(...names) {
  const { query } = useStore(place);
  return Object.fromEntries(names.map((name) => [name, query[name]]));
}

export function ProgramFilter() {
  const { program_id } = useFilters("program_id");
  useStore(programs);
  return (
    <Select aria-label={t("team.program")} options={[["", t("team.program.all")], ...programOptions()]} value={program_id ?? ""}
      onChange={(value) => setQuery({ program_id: value || null, partner_group: null })} />
  );
}

export function StatusFilter({ name = "status", label, options, standard }) {
  const value = useFilters(name)[name] ?? standard ?? "";
  return <Select aria-label={label ?? t("team.status")} options={options} value={value} onChange={(chosen) => setQuery({ [name]: chosen === standard ? null : chosen })} />;
}

/** A text that filters once it is entered. */
export function TextFilter({ name, label, ...rest }) {
  const value = useFilters(name)[name] ?? "";
  const [text, setText] = useState(value);
  useEffect(() => {
    setText(value);
  }, [value]);
  return (
    <input aria-label={label} placeholder={label} value={text} onInput={(event) => setText(event.currentTarget.value)}
      onChange={() => setQuery({ [name]: text.trim() || null })} {...rest} />
  );
}

function PartnerInput({ value, onChange, ...rest }) {
  const id = useId();
  const known = useStore(partners);
  const shown = partnerOf(value) ? partnerText(partnerOf(value)) : value ? `#${value}` : "";
  const [text, setText] = useState(shown);
  useEffect(() => {
    setText(shown);
  }, [shown]);
  function typed(next) {
    setText(next);
    const found = partnerIdOf(next);
    if (found || !next.trim()) onChange(found ? String(found) : "");
  }
  return (
    <>
      <input {...rest} list={id} value={text} autocomplete="off" onInput={(event) => typed(event.currentTarget.value)} />
      <datalist id={id}>{known.map((partner) => <option key={partner.id} value={partnerText(partner)} />)}</datalist>
    </>
  );
}

export function PartnerFilter() {
  const { partner_id } = useFilters("partner_id");
  return <PartnerInput aria-label={t("team.partner")} placeholder={t("team.partner.any")} value={partner_id} onChange={(id) => setQuery({ partner_id: id || null })} />;
}

export function ProgramField({ name = "program_id" }) {
  return <SelectField name={name} label={t("team.program")} options={programOptions()} />;
}

export function PartnerField({ name = "partner_id", hint, optional }) {
  const form = useContext(FormContext);
  return (
    <Field name={name} label={t("team.partner")} hint={hint} optional={optional}>
      {(attributes) => <PartnerInput {...attributes} value={form.values[name]} onChange={(id) => form.set({ [name]: id })} />}
    </Field>
  );
}

export function PartnerName({ id }) {
  useStore(partners);
  return <a href={`/team/partners/${id}`}>{partnerOf(id)?.name ?? `#${id}`}</a>;
}

export function ProgramName({ id }) {
  useStore(programs);
  return <>{programOf(id)?.name ?? `#${id}`}</>;
}

/** The programme that a new thing most likely belongs to: that of the filter, else the newest. */
export const likelyProgram = () => place.get().query.program_id ?? String(programs.get()[0]?.id ?? "");
