// How many notifications were not read yet.
import { get } from "../lib/api.js";
import { store } from "../lib/store.js";

export const unread = store(0);

export const refreshUnread = () => get("/v1/notifications", { limit: 1 }).then((list) => unread.set(list.unread ?? 0), () => null);
