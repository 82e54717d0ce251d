// What several pages need to know: the partner's programmes and links, by their numbers.
import { useData } from "../lib/data.js";
import { me } from "../lib/session.js";

const ALL = 500;

const byId = (rows) => new Map((rows ?? []).map((row) => [row.id, row]));

/** {list, names(id), of(id)} of the programmes in which the partner takes part; list undefined: not known yet. */
export function usePrograms() {
  const { data } = useData("/v1/programs", { limit: ALL });
  const known = byId(data?.data);
  return { list: data?.data, of: (id) => known.get(id), name: (id) => known.get(id)?.name ?? `#${id}` };
}

export function useLinks() {
  const { data } = useData("/v1/links", { limit: ALL });
  return byId(data?.data);
}

export const linkName = (link) => link?.name ?? link?.slug;

/** Where the tracker answers, for people. */
export const trackerUrl = (path) => (me.get()?.tracker_url ?? location.origin).replace(/\/$/, "") + path;

export const shareUrl = (link) => trackerUrl(link.share_path ?? link.path);
