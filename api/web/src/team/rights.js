// What a role may do, as the API's routes say it: everybody of the team reads, the rest is offered to those who may.
import { me } from "../lib/session.js";

export const ROLES = ["owner", "manager", "finance", "analyst", "viewer"];
const RIGHTS = { manage: ["owner", "manager"], pay: ["owner", "finance"], own: ["owner"] };

/** Whether the logged-in person has a right: "manage", "pay" or "own". */
export const may = (right) => RIGHTS[right].includes(me.get()?.role ?? "owner");
