import { useList, FRESH_MS } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { address, place, setQuery } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { CopyButton } from "../ui/copy.jsx";
import { Segments } from "../ui/field.jsx";
import { Icon } from "../ui/icon.jsx";
import { Page } from "../ui/shell.jsx";
import { Csv, Empty, ListTable } from "../ui/table.jsx";
import { Status, Time } from "../ui/value.jsx";
import { linkName, shareUrl, usePrograms } from "./programs.jsx";

export const linkStatus = (link) => (link.exhausted_at ? "exhausted" : link.expires_at && link.expires_at < new Date().toISOString() ? "expired" : link.status);

const NewButton = () => <a class="button primary" href="/cabinet/links/new"><Icon name="plus" />{t("links.new")}</a>;

export function Links() {
  const { query } = useStore(place);
  const programs = usePrograms();
  const wanted = { status: query.status };
  const list = useList("/v1/links", wanted, { every: FRESH_MS });
  const columns = [
    { key: "name", title: t("field.name"), kind: "main", cell: (link) => <><a href={`/cabinet/links/${link.id}`}>{linkName(link)}</a><small>{programs.name(link.program_id)}</small></> },
    { key: "url", title: t("links.url"), cell: (link) => <span class="url-cell"><code>{shareUrl(link).replace(/^https?:\/\//, "")}</code><CopyButton small text={shareUrl(link)} label={t("copy.of", { what: linkName(link) })} /></span> },
    { key: "status", title: t("field.status"), cell: (link) => <Status of={linkStatus(link)} /> },
    { key: "created", title: t("field.created"), cell: (link) => <Time at={link.created_at} date /> },
    { key: "stats", title: "", kind: "actions", cell: (link) => <a class="button quiet" href={address("/cabinet", { link: link.id })}>{t("links.stats")}</a> },
  ];
  return (
    <Page title={t("links.title")} lead={t("links.lead")} actions={<NewButton />}>
      <div class="filters">
        <Segments label={t("field.status")} value={query.status ?? ""} onChange={(status) => setQuery({ status })}
          options={[["", t("filter.all")], ["active", t("status.active")], ["paused", t("status.paused")]]} />
        <Csv path="/v1/links" query={wanted} />
      </div>
      <ListTable list={list} caption={t("links.title")} columns={columns} rowClass={(link) => (linkStatus(link) === "active" ? "" : "off")}
        empty={<Empty icon="link" title={t("links.empty")} action={<NewButton />}>{t("links.empty_text")}</Empty>} />
    </Page>
  );
}
