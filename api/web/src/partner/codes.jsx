import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { CopyButton } from "../ui/copy.jsx";
import { Button, SelectField, TextField } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Csv, Empty, ListTable } from "../ui/table.jsx";
import { Status, Time } from "../ui/value.jsx";
import { needed, Wish } from "../ui/wish.jsx";
import { trackerUrl, usePrograms } from "./programs.jsx";

function NewCode({ programs, onClose, onMade }) {
  return (
    <Wish title={t("codes.new")} does={t("codes.make")} done={t("codes.made")} initial={{ program_id: programs[0].id, code: "" }} check={needed("code")}
      send={({ program_id: program, code }, key) => post("/v1/promo-codes", { program_id: Number(program), code: code.trim() }, key)} onClose={onClose} onDone={onMade}>
      {programs.length > 1 && <SelectField name="program_id" label={t("field.program")} options={programs.map(({ id, name }) => [id, name])} />}
      <TextField name="code" label={t("codes.code")} hint={t("codes.hint")} autocapitalize="characters" spellcheck={false} autofocus />
    </Wish>
  );
}

export function Codes() {
  const programs = usePrograms();
  const [making, setMaking] = useState(false);
  const list = useList("/v1/promo-codes");
  const open = programs.list?.filter((program) => program.codes_max > 0) ?? [];
  const columns = [
    { key: "code", title: t("codes.code"), kind: "main", cell: (code) => <><span class="url-cell"><span class="code-word">{code.code}</span><CopyButton small text={code.code} label={t("codes.copy", { code: code.code })} /></span><small>{programs.name(code.program_id)}</small></> },
    { key: "url", title: t("codes.url"), cell: (code) => <span class="url-cell"><code>{trackerUrl(code.path).replace(/^https?:\/\//, "")}</code><CopyButton small text={trackerUrl(code.path)} label={t("copy.of", { what: code.code })} /></span> },
    { key: "status", title: t("field.status"), cell: (code) => <Status of={code.status} /> },
    { key: "created", title: t("field.created"), cell: (code) => <Time at={code.created_at} date /> },
  ];
  const make = open.length > 0 && <Button kind="primary" icon="plus" onClick={() => setMaking(true)}>{t("codes.new")}</Button>;
  return (
    <Page title={t("codes.title")} lead={t("codes.lead")} actions={list.rows?.length > 0 && <>{make}<Csv path="/v1/promo-codes" /></>}>
      <ListTable list={list} caption={t("codes.title")} columns={columns} empty={<Empty icon="code" title={t("codes.empty")} action={make}>{t("codes.empty_text")}</Empty>} />
      {making && <NewCode programs={open} onClose={() => setMaking(false)} onMade={list.reload} />}
    </Page>
  );
}
