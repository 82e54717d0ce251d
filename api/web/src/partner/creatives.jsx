// Creatives with ready HTML: the API joins a creative with the partner's link; here it is seen, and copied.
import { useState } from "preact/hooks";
import { useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { place, setQuery } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { CopyText } from "../ui/copy.jsx";
import { Button, Segments, Select } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Empty, Items } from "../ui/table.jsx";
import { linkName, usePrograms, useLinks } from "./programs.jsx";

const KINDS = ["banner", "text", "link"];

function Preview({ creative }) {
  const { image } = creative;
  if (image) return <img src={image.path} alt={creative.text ?? creative.name} width={image.width} height={image.height} loading="lazy" />;
  return <p class="creative-text">{creative.text ?? creative.name}</p>;
}

function Creative({ creative }) {
  const [open, setOpen] = useState(false);
  return (
    <li class="creative">
      <div class="creative-view"><Preview creative={creative} /></div>
      <div class="creative-facts">
        <h2>{creative.name}</h2>
        <p class="muted">{[t(`creative.${creative.kind}`), creative.image && `${creative.image.width} × ${creative.image.height}`, creative.erid && `erid ${creative.erid}`].filter(Boolean).join(" · ")}</p>
        {creative.html
          ? <Button onClick={() => setOpen(!open)} aria-expanded={open}>{t("creatives.html")}</Button>
          : <p class="muted">{t("creatives.need_link")}</p>}
      </div>
      {open && <CopyText text={creative.html} label={t("creatives.html_of", { name: creative.name })} lines />}
    </li>
  );
}

export function Creatives() {
  const { query } = useStore(place);
  const programs = usePrograms();
  const links = [...useLinks().values()].filter((link) => link.status === "active");
  const link = links.find(({ id }) => String(id) === query.link) ?? links[0];
  const list = useList("/v1/creatives", { kind: query.kind, program_id: link?.program_id, link_id: link?.id });
  return (
    <Page title={t("creatives.title")} lead={t("creatives.lead")}>
      <div class="filters">
        <Segments label={t("creatives.kind")} value={query.kind ?? ""} onChange={(kind) => setQuery({ kind })}
          options={[["", t("filter.all")], ...KINDS.map((kind) => [kind, t(`creative.${kind}`)])]} />
        {links.length > 0 && (
          <Select aria-label={t("creatives.link")} value={link?.id} onChange={(id) => setQuery({ link: id })}
            options={links.map((one) => [one.id, `${t("creatives.by")} ${linkName(one)} (${programs.name(one.program_id)})`])} />
        )}
      </div>
      <Items list={list}
        empty={<Empty icon="creative" title={t("creatives.empty")} action={<a class="button" href="/cabinet/links">{t("creatives.empty_do")}</a>}>{t("creatives.empty_text")}</Empty>}>
        {(rows) => <ul class="creatives">{rows.map((creative) => <Creative key={creative.id} creative={creative} />)}</ul>}
      </Items>
    </Page>
  );
}
