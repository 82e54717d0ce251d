// Why orders are declined: a closed list, in the reader's language.
import { useData } from "./data.js";
import { language } from "./i18n.js";

/** {list, text(code)}: [code, text] pairs, empty until they are known. */
export function useReasons() {
  const { data } = useData("/v1/decline-reasons");
  const list = (data?.data ?? []).map((reason) => [reason.code, reason[`text_${language.get()}`]]);
  const texts = new Map(list);
  return { list, text: (code) => texts.get(code) ?? code };
}
