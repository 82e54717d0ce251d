// Headline figures: a row of the ledger. Where one can be chosen, it is what the chart below draws.
export function Figures({ label, items }) {
  return (
    <div class="figures" role="group" aria-label={label} aria-busy={items.some(({ value }) => value === undefined || value === null) ? "true" : undefined}>
      {items.map(({ key, title, value, note, onSelect, selected }) => {
        const Element = onSelect ? "button" : "div";
        return (
          <Element key={key} type={onSelect ? "button" : undefined} class={`figure ${selected ? "selected" : ""}`} onClick={onSelect}
            aria-pressed={onSelect ? !!selected : undefined}>
            <span class="figure-title">{title}</span>
            <span class="figure-value">{value ?? <span class="skeleton" />}</span>
            {note && <span class="figure-note">{note}</span>}
          </Element>
        );
      })}
    </div>
  );
}
