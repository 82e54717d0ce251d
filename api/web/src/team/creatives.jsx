// What partners show: banners, texts and links, with the mark that advertising law asks for.
import { useRef, useState } from "preact/hooks";
import { ask, patch, post } from "../lib/api.js";
import { useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { toast } from "../ui/dialog.jsx";
import { Button, errorText, Field, SelectField, TextField } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Empty, ListTable } from "../ui/table.jsx";
import { Status, Time } from "../ui/value.jsx";
import { filled, needed, Wish } from "../ui/wish.jsx";
import { likelyProgram, ProgramField, ProgramFilter, ProgramName, StatusFilter, useFilters } from "./choice.jsx";
import { programOf } from "./names.js";
import { may } from "./rights.js";

const KINDS = ["banner", "text", "link"];

function CreativeWish({ onClose, onDone }) {
  const chosen = useRef();
  const program_id = likelyProgram();
  async function send({ image, ...values }, key) {
    const made = await post("/v1/creatives", filled({ ...values, program_id: Number(values.program_id) }), key);
    const file = chosen.current?.files[0];
    if (values.kind === "banner" && file) await ask("POST", `/v1/creatives/${made.id}/image`, { body: file, type: file.type, key: `${key}-image` });
    return made;
  }
  const check = (values) => ({
    ...needed("program_id", "name", ...(values.kind === "text" ? ["text"] : values.kind === "link" ? ["target_url"] : []))(values),
    ...(values.kind === "banner" && !chosen.current?.files.length && { image: t("team.creatives.image.needed") }) });
  return (
    <Wish title={t("team.creatives.add")} does={t("team.creatives.add")} done={t("team.saved")} onClose={onClose} onDone={onDone} send={send} check={check}
      initial={{ program_id, kind: "banner", name: "", text: "", target_url: programOf(program_id)?.fallback_url ?? "", erid: "", image: null }}>
      {(form) => (
        <>
          <div class="form-row"><ProgramField /><SelectField name="kind" label={t("team.creatives.kind")} options={KINDS.map((kind) => [kind, t(`creative.${kind}`)])} /></div>
          <TextField name="name" label={t("team.name")} maxLength={200} />
          {form.values.kind === "banner" && (
            <Field name="image" label={t("team.creatives.image")} hint={t("team.creatives.image.hint")}>
              {(attributes) => (
                <input {...attributes} ref={chosen} type="file" accept="image/png,image/jpeg,image/gif,image/webp" onChange={(event) => form.set({ image: event.currentTarget.value })} />
              )}
            </Field>
          )}
          <TextField name="text" label={t(form.values.kind === "banner" ? "team.creatives.alt" : "team.creatives.text")} lines={2} maxLength={1000} optional={form.values.kind !== "text"} />
          <TextField name="target_url" label={t("team.target")} type="url" placeholder="https://" optional={form.values.kind !== "link"} />
          <TextField name="erid" label="erid" hint={t("team.creatives.erid")} maxLength={64} optional />
        </>
      )}
    </Wish>
  );
}

function Shown({ of }) {
  if (!of.image) return <span class="clip">{of.text ?? of.target_url}</span>;
  return <img class="creative-thumb" src={of.image.path} alt={of.text ?? ""} width={of.image.width} height={of.image.height} loading="lazy" />;
}

const TURNS = { active: [["paused", "team.pause"]], paused: [["active", "team.resume"], ["withdrawn", "team.creatives.withdraw"]], withdrawn: [] };

export function Creatives() {
  const filters = useFilters("status", "program_id", "kind");
  const list = useList("/v1/creatives", filters);
  const [adding, setAdding] = useState(false);
  const turn = (row, status) => patch(`/v1/creatives/${row.id}`, { status })
    .then(() => { toast(t("team.saved")); list.reload(); }, (error) => toast(errorText(error), "bad"));
  const columns = [
    { key: "name", title: t("team.creative"), kind: "main", cell: (row) => <>{row.name}<small>{[t(`creative.${row.kind}`), row.image && `${row.image.width} × ${row.image.height}`].filter(Boolean).join(" · ")}</small></> },
    { key: "shown", title: t("team.creatives.shown"), cell: (row) => <Shown of={row} /> },
    { key: "program", title: t("team.program"), cell: (row) => <ProgramName id={row.program_id} /> },
    { key: "erid", title: "erid", cell: (row) => row.erid },
    { key: "since", title: t("team.since"), cell: (row) => <Time at={row.created_at} date /> },
    { key: "status", title: t("team.status"), cell: (row) => <Status of={row.status} room="team.status_m" /> },
    { key: "do", title: "", kind: "actions", cell: (row) => may("manage") && (
      <span class="row tight">{TURNS[row.status].map(([status, text]) => <Button key={status} kind="quiet" onClick={() => turn(row, status)}>{t(text)}</Button>)}</span>) },
  ];
  return (
    <Page title={t("team.nav.creatives")} lead={t("team.creatives.lead")}
      actions={may("manage") && <Button kind="primary" icon="plus" onClick={() => setAdding(true)}>{t("team.creatives.add")}</Button>}>
      <div class="filters">
        <StatusFilter name="kind" label={t("team.creatives.kind")} options={[["", t("team.creatives.kind.all")], ...KINDS.map((kind) => [kind, t(`creative.${kind}`)])]} />
        <StatusFilter options={[["", t("team.status.all")], ...["active", "paused", "withdrawn"].map((one) => [one, t(`team.status_m.${one}`)])]} /><ProgramFilter />
      </div>
      <ListTable list={list} caption={t("team.nav.creatives")} columns={columns} empty={<Empty icon="creative" title={t("team.creatives.none")}>{t("team.creatives.none.text")}</Empty>} />
      {adding && <CreativeWish onClose={() => setAdding(false)} onDone={list.reload} />}
    </Page>
  );
}
