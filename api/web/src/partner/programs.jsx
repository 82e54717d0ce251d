// What several pages need to know: the partner's programmes and links, by their numbers.
import { useData } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { place, setQuery } from "../lib/router.js";
import { me } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { Select } from "../ui/field.jsx";

const ALL = 500;

const byId = (rows) => new Map((rows ?? []).map((row) => [row.id, row]));

/** {list, name(id), of(id)} of the programmes in which the partner takes part; list undefined: not known yet. */
export function usePrograms() {
  const { data } = useData("/v1/programs", { limit: ALL });
  const known = byId(data?.data);
  return { list: data?.data, of: (id) => known.get(id), name: (id) => known.get(id)?.name ?? `#${id}` };
}

/** Which programme a page is about, in the URL; nothing where there is only one. */
export function ProgramFilter({ programs }) {
  const { query } = useStore(place);
  if (!(programs.list?.length > 1)) return null;
  return (
    <Select aria-label={t("field.program")} value={query.program} onChange={(program) => setQuery({ program })}
      options={[["", t("filter.all_programs")], ...programs.list.map(({ id, name }) => [id, name])]} />
  );
}

export function useLinks() {
  const { data } = useData("/v1/links", { limit: ALL });
  return byId(data?.data);
}

export const linkName = (link) => link?.name ?? link?.slug;

/** Where the tracker answers, for people. */
export const trackerUrl = (path) => (me.get()?.tracker_url ?? location.origin).replace(/\/$/, "") + path;

export const shareUrl = (link) => trackerUrl(link.share_path ?? link.path);
