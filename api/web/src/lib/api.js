// The API as this browser asks it: the session's cookie goes with each request, what changes something carries the session's CSRF
// token, and a POST its Idempotency-Key.
import { address } from "./router.js";
import { session } from "./session.js";

/** What the API answered instead: `code` is a field's name where a field is wrong. status 0: no answer at all. */
export class ApiError extends Error {
  constructor(status, code, message, retryAfter = null) {
    super(message);
    Object.assign(this, { status, code, retryAfter });
  }
}

// Marks that turn round the text behind them, up to the end of the line, as somebody may have put into a name or a click. They are
// dropped from all that is shown: isolating each name would not do, as a mark of the other kind ends the isolation.
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;

const bodyOf = async (answer) => JSON.parse((await answer.text()).replace(TURNING, ""));

async function errorOf(answer) {
  const told = await bodyOf(answer).then((body) => body.error, () => null);
  return new ApiError(answer.status, told?.code ?? "unknown", told?.message ?? answer.statusText, answer.headers.get("Retry-After"));
}

function headersOf(method, body, key, type) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = type;
  if (method !== "GET" && session.csrf()) headers["X-CSRF-Token"] = session.csrf();
  if (key) headers["Idempotency-Key"] = key;
  return headers;
}

/**
 * Asks. `query`: parameters, empty ones left out; `body`: sent as JSON, or as it is with a `type` of its own; `key`: Idempotency-Key,
 * the same for repetitions of one wish. A 401 ends the session for the pages too, unless `quiet`.
 */
export async function ask(method, path, { query, body, key, type, signal, quiet } = {}) {
  let answer;
  try {
    answer = await fetch(address(path, query), {
      method, signal, credentials: "same-origin", cache: "no-store",
      headers: headersOf(method, body, key, type ?? "application/json"),
      body: body === undefined || type ? body : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "offline", "");
  }
  if (answer.ok) return answer.status === 204 ? null : bodyOf(answer);
  const error = await errorOf(answer);
  if (error.code === "unauthorized" && !quiet) session.ended();
  throw error;
}

export const get = (path, query, signal) => ask("GET", path, { query, signal });
export const post = (path, body, key = crypto.randomUUID()) => ask("POST", path, { body, key });
export const patch = (path, body) => ask("PATCH", path, { body });
