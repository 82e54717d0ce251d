// A page that is fetched when it is first entered.
import { useEffect, useState } from "preact/hooks";
import { addTexts, t } from "../lib/i18n.js";
import { Button, Notice } from "./field.jsx";

/** A component that is `name` of the module that `load` imports; `texts`: of its own, see addTexts(). */
export function later(load, name, texts) {
  let Loaded = null;
  return function Later(props) {
    const [failed, setFailed] = useState(false);
    const [, redraw] = useState(false);
    useEffect(() => {
      if (!Loaded) Promise.all([load(), texts && addTexts(texts)]).then(([module]) => { Loaded = module[name]; redraw(true); }, () => setFailed(true));
    }, []);
    if (Loaded) return <Loaded {...props} />;
    if (failed) return <Notice kind="bad" role="alert"><p>{t("error.offline")}</p><Button onClick={() => location.reload()}>{t("error.retry")}</Button></Notice>;
    return <div class="page" aria-busy="true" />;
  };
}
