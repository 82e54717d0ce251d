// Who is logged in. undefined: not asked yet; null: nobody.
import { ask } from "./api.js";
import { setLanguage } from "./i18n.js";
import { address, navigate, place } from "./router.js";
import { store } from "./store.js";

export const me = store(undefined);

/** The first page of a kind of asker. */
export const homeOf = (asker) => (asker.kind === "team" ? "/team" : "/cabinet");

async function enter(asker) {
  if (asker.person?.language) await setLanguage(asker.person.language);
  me.set(asker);
  return asker;
}

export const session = {
  csrf: () => me.get()?.csrf,

  async start() {
    try {
      await enter(await ask("GET", "/v1/me", { quiet: true }));
    } catch (error) {
      if (error.status !== 401) throw error;
      me.set(null);
    }
  },

  login: async (email, password) => enter(await ask("POST", "/v1/login", { body: { email, password }, quiet: true })),

  /** Ends all sessions of the person and begins a new one. */
  changePassword: async (old, fresh) => enter(await ask("POST", "/v1/password", { body: { old, new: fresh } })),

  /** By the token of an invitation or a reset; logs in. */
  newPassword: async (token, password) => enter(await ask("POST", "/v1/password/new", { body: { token, password }, quiet: true })),

  /** Asks again who this is, after something about it changed. */
  renew: async () => enter(await ask("GET", "/v1/me")),

  /** Changes name or language of the person. */
  async change(changes) {
    await ask("PATCH", "/v1/me", { body: changes });
    return session.renew();
  },

  async logout() {
    await ask("POST", "/v1/logout", { quiet: true }).catch(() => null);
    me.set(null);
    navigate("/login");
  },

  /** The API knows the session no more: log in and come back. */
  ended() {
    if (!me.get()) return;
    me.set(null);
    const { path, query } = place.get();
    navigate(address("/login", { next: address(path, query), ended: 1 }), { replace: true });
  },
};

/** Where to go after login: only to a page of ours. */
export function nextPage(asker) {
  const { next } = place.get().query;
  return next && /^\/(cabinet|team)(\/|\?|$)/.test(next) ? next : homeOf(asker);
}
