// Tables that are cards on a phone, and lists of the API by pages with their CSV.
import { t } from "../lib/i18n.js";
import { address } from "../lib/router.js";
import { Button, errorText, Notice } from "./field.jsx";
import { Icon } from "./icon.jsx";
import { toast } from "./dialog.jsx";

const SKELETON_ROWS = 6;

function cells(columns, row) {
  return columns.map(({ key, title, cell, kind = "" }) => (
    <td key={key} class={kind} data-title={title}><span class="cell">{cell(row)}</span></td>
  ));
}

/**
 * `dense`: on a phone the figures of a row stand three abreast. `columns`: {key, title, cell(row), kind: "number" | "main" | "actions"}; `rows` undefined: still loading. `total`: a row under the
 * double rule.
 */
export function Table({ caption, columns, rows, rowKey = (row) => row.id, rowClass, total, stale, dense = false }) {
  return (
    <div class={`table-frame ${stale ? "stale" : ""}`} role="region" aria-label={caption} tabIndex={0} aria-busy={rows ? undefined : "true"}>
      <table class={`table ${dense ? "dense" : ""}`}>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>{columns.map(({ key, title, kind = "" }) => <th key={key} scope="col" class={kind}>{title || <span class="unseen">{t("table.actions")}</span>}</th>)}</tr>
        </thead>
        <tbody>
          {rows
            ? rows.map((row) => <tr key={rowKey(row)} class={rowClass?.(row)}>{cells(columns, row)}</tr>)
            : Array.from({ length: SKELETON_ROWS }, (_, i) => (
              <tr key={i} aria-hidden="true">{columns.map(({ key, kind = "", title }) => <td key={key} class={kind} data-title={title}><span class="skeleton" /></td>)}</tr>
            ))}
        </tbody>
        {total && rows && <tfoot><tr>{cells(columns.map((column) => ({ ...column, cell: column.total ?? (() => "") })), total)}</tr></tfoot>}
      </table>
    </div>
  );
}

/** A download of the whole list, as the API streams it. */
export function Csv({ path, query }) {
  return (
    <a class="button quiet" href={address(path, { ...query, format: "csv" })} download>
      <Icon name="download" />CSV
    </a>
  );
}

/** What to do where there is nothing yet. */
export function Empty({ icon = "info", title, children, action }) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <h3>{title}</h3>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

export function Failure({ error, retry }) {
  return (
    <Notice kind="bad" role="alert">
      <p>{errorText(error)}</p>
      {retry && <Button onClick={retry}>{t("error.retry")}</Button>}
    </Notice>
  );
}

/** In the place of what has been asked for. */
export const Waiting = () => <p aria-busy="true"><span class="skeleton" /></p>;

/** The next page of a list, where there is one. */
function More({ list }) {
  if (!list.more) return null;
  return <p class="table-more"><Button busy={list.busy} onClick={() => list.loadMore().catch((error) => toast(errorText(error), "bad"))}>{t("table.more")}</Button></p>;
}

/** A list of the API that is no table: `children` makes its rows, `empty` is in their place where there are none. */
export function Items({ list, empty, children }) {
  if (list.error && !list.rows) return <Failure error={list.error} retry={list.reload} />;
  if (!list.rows) return <Waiting />;
  if (!list.rows.length) return empty;
  return <>{children(list.rows)}<More list={list} /></>;
}

/** A list of the API: a table of its pages, `empty` where it has none; `list` is useList()'s answer. */
export function ListTable({ list, empty, ...table }) {
  if (list.error && !list.rows) return <Failure error={list.error} retry={list.reload} />;
  if (list.rows && !list.rows.length && !list.stale) return empty;
  return (
    <>
      <Table {...table} rows={list.rows} stale={list.stale && !!list.rows} />
      <More list={list} />
    </>
  );
}
