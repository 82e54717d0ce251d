// Names of programmes and partners, which the API's lists tell by number. Both are read once, and again after something was made.
import { get } from "../lib/api.js";
import { store } from "../lib/store.js";

const PAGE = 500;
const PAGES_MAX = 10; // of a longer list the rest is shown by number

export const programs = store([]);
export const partners = store([]);

async function whole(path) {
  const rows = [];
  let cursor;
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer = await get(path, { limit: PAGE, cursor });
    rows.push(...answer.data);
    cursor = answer.next_cursor;
    if (!cursor) break;
  }
  return rows;
}

export const loadPrograms = async () => programs.set(await whole("/v1/programs"));
export const loadPartners = async () => partners.set(await whole("/v1/partners"));
export const programOf = (id) => programs.get().find((program) => program.id === Number(id));
export const partnerOf = (id) => partners.get().find((partner) => partner.id === Number(id));
