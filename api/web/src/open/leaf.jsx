// A single leaf of the ledger: what the pages without login are written on.
import { useEffect } from "preact/hooks";

export function Leaf({ title, lead, children }) {
  useEffect(() => {
    document.title = `${title} · Clickledger`;
  }, [title]);
  return (
    <section class="leaf">
      <h1>{title}</h1>
      {lead && <p class="page-lead">{lead}</p>}
      {children}
    </section>
  );
}
