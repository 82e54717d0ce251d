// Groups of partners: rules of terms may ask for one, the dashboard shows one alone.
import { useData, useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { address, setQuery } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { Select } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Csv, Empty, ListTable } from "../ui/table.jsx";
import { ProgramFilter, ProgramName, useFilters } from "./choice.jsx";
import { programOf, programs } from "./names.js";

const GROUPS = "/v1/partner-groups";
export const useGroups = (query) => useList(GROUPS, query);
const pair = ({ program_id, name }) => `${program_id} ${name}`;

/** Only partners of one group, in the URL; nothing where there is none. */
export function GroupFilter() {
  const { program_id, partner_group } = useFilters("program_id", "partner_group");
  const { data } = useData(GROUPS);
  useStore(programs);
  const groups = (data?.data ?? []).filter((group) => !program_id || partner_group || group.program_id === Number(program_id));
  if (!groups.length && !partner_group) return null;
  function choose(value) {
    const [program, name] = value.split(" ");
    setQuery(value ? { program_id: program, partner_group: name } : { partner_group: null });
  }
  return (
    <Select aria-label={t("team.group")} value={partner_group ? pair({ program_id, name: partner_group }) : ""} onChange={choose}
      options={[["", t("team.group.any")], ...groups.map((group) => [pair(group), t("team.group.of", { name: group.name, program: programOf(group.program_id)?.name ?? "" })])]} />
  );
}

export function Groups() {
  const query = useFilters("program_id");
  const list = useGroups(query);
  const shown = ({ program_id, name }) => ({ program_id, partner_group: name });
  const columns = [
    { key: "name", title: t("team.group"), kind: "main", cell: (row) => <a href={address("/team/partners", shown(row))}>{row.name}</a> },
    { key: "program", title: t("team.program"), cell: (row) => <ProgramName id={row.program_id} /> },
    { key: "partners", title: t("team.nav.partners"), kind: "number", cell: (row) => row.partners },
    { key: "do", title: "", kind: "actions", cell: (row) => <a class="button quiet" href={address("/team", shown(row))}>{t("team.figures")}</a> },
  ];
  return (
    <Page title={t("team.nav.groups")} lead={t("team.groups.lead")} back={{ path: "/team/partners", text: t("team.nav.partners") }} actions={<Csv path={GROUPS} query={query} />}>
      <div class="filters"><ProgramFilter /></div>
      <ListTable list={list} caption={t("team.nav.groups")} columns={columns} rowKey={pair}
        empty={<Empty icon="people" title={t("team.groups.none")} action={<a class="button" href="/team/partners">{t("team.nav.partners")}</a>}>{t("team.groups.none.text")}</Empty>} />
    </Page>
  );
}
