// Small drawings on a grid of 20, in the colour of the text. They say nothing that words do not: hidden from screen readers.
const DRAWINGS = {
  overview: "M3 16.5h14M5.5 13V9M10 13V4.5M14.5 13V7",
  link: "M8.5 11.5a3 3 0 0 0 4.3 0l2.6-2.6a3 3 0 0 0-4.3-4.3L10 5.7M11.5 8.5a3 3 0 0 0-4.3 0l-2.6 2.6a3 3 0 0 0 4.3 4.3l1.1-1.1",
  code: "M3.5 7V4.5h13V7a3 3 0 0 0 0 6v2.5h-13V13a3 3 0 0 0 0-6ZM11.5 7.5l-3 5",
  creative: "M3.5 4.5h13v11h-13zM3.5 13l3.5-3.5 3 3 2.5-2.5 4 4M12.5 7.8v.01",
  order: "M5 2.5h10v15l-2.5-1.5-2.5 1.5-2.5-1.5L5 17.5zM8 7h4M8 10.5h4",
  balance: "M3 5h14M3 15h14M3 16.8h14M6.5 8.3v3.4M10 8.3v3.4M13.5 8.3v3.4",
  payout: "M10 3v9M6.5 8.7 10 12.2l3.5-3.5M4 16.5h12",
  key: "M12.8 3.5a3.7 3.7 0 1 1-3 6L4 15.3V17h2.5v-2H8.5v-2l1.8-1.8M13.5 6.5v.01",
  postback: "M4 6.5h10.5M11.5 3.5l3 3-3 3M16 13.5H5.5M8.5 10.5l-3 3 3 3",
  bell: "M5 14V9a5 5 0 0 1 10 0v5l1.5 1.5h-13zM8.5 17.8h3",
  question: "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15ZM7.9 8a2.1 2.1 0 1 1 3 1.9c-.6.3-.9.7-.9 1.4M10 13.8v.01",
  person: "M10 10a3.3 3.3 0 1 0 0-6.6 3.3 3.3 0 0 0 0 6.6ZM3.8 17a6.2 6.2 0 0 1 12.4 0",
  people: "M7.5 10a2.9 2.9 0 1 0 0-5.8 2.9 2.9 0 0 0 0 5.8ZM2.2 16.3a5.3 5.3 0 0 1 10.6 0M13 10.2a2.5 2.5 0 1 0-.8-4.9M14.6 12.4a4.6 4.6 0 0 1 3.2 3.9",
  terms: "M5 2.5h7l3 3v12H5zM12 2.5v3h3M7.5 9.5h5M7.5 12.5h5",
  audit: "M10 17.5a7.5 7.5 0 1 0-7.2-5.4M2.5 15.5v-3.6h3.6M10 6v4.2l2.7 1.6",
  upload: "M10 13V4.5M6.5 7.8 10 4.3l3.5 3.5M4 16.5h12",
  program: "M3.5 8.5 5 4h10l1.5 4.5M4.5 9v7.5h11V9M3.5 8.5a2.2 2.2 0 0 0 4.3 0 2.2 2.2 0 0 0 4.4 0 2.2 2.2 0 0 0 4.3 0z",
  copy: "M7 7h9.5v9.5H7zM13 7V3.5H3.5V13H7",
  check: "m4 10.5 4 4 8-9",
  close: "m5 5 10 10M15 5 5 15",
  plus: "M10 4v12M4 10h12",
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  download: "M10 3v9M6.5 8.7 10 12.2l3.5-3.5M4 16.5h12",
  back: "m11.5 4.5-5.5 5.5 5.5 5.5",
  up: "M10 16V4.5M5.5 9 10 4.5 14.5 9",
  down: "M10 4v11.5M5.5 11l4.5 4.5 4.5-4.5",
  warning: "M10 3.5 2.5 16.5h15zM10 8.5v3.5M10 14.3v.01",
  info: "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15ZM10 9.3v4.2M10 6.5v.01",
  sun: "M10 13.3a3.3 3.3 0 1 0 0-6.6 3.3 3.3 0 0 0 0 6.6ZM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1",
  moon: "M16.5 11.7A6.8 6.8 0 0 1 8.3 3.5a6.8 6.8 0 1 0 8.2 8.2Z",
  half: "M10 17.5a7.5 7.5 0 1 0 0-15zM10 2.5v15M10 5.5h5.5M10 8.5h7M10 11.5h7M10 14.5h5.5",
  logout: "M8 3.5H3.5v13H8M7.5 10h9M13 6.5l3.5 3.5-3.5 3.5",
  click: "m7.5 7.5 9 3.5-3.9 1.6L11 16.5zM5 2.5l.7 2M2.5 5l2 .7M9 3.5 8 5",
};

export function Icon({ name }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={DRAWINGS[name]} />
    </svg>
  );
}

/** A leaf of a ledger: the double margin line, entries, and the double rule under their sum. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect class="mark-leaf" x="2" y="2" width="28" height="28" rx="3" />
      <path class="mark-margin" d="M9 2v28M11.5 2v28" />
      <path class="mark-entry" d="M15.5 9h9M15.5 14h6.5M15.5 20.5h10M15.5 23.5h10" />
    </svg>
  );
}
