// A QR code, drawn as one path: sharp at any size, and to take away as SVG or PNG.
import { useMemo } from "preact/hooks";
import { generate } from "lean-qr";
import { t } from "../lib/i18n.js";
import { Button } from "../ui/field.jsx";

const QUIET = 4;
const PNG_PX = 1024;

function path(code) {
  let drawn = "";
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) {
      if (code.get(x, y)) drawn += `M${x + QUIET} ${y + QUIET}h1v1h-1z`;
    }
  }
  return drawn;
}

function saved(blob, name) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 1000);
}

function saveSvg(size, drawn, name) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${size}v${size}H0z"/><path d="${drawn}"/></svg>`;
  saved(new Blob([svg], { type: "image/svg+xml" }), `${name}.svg`);
}

function savePng(size, drawn, name) {
  const scale = Math.ceil(PNG_PX / size);
  const canvas = Object.assign(document.createElement("canvas"), { width: size * scale, height: size * scale });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.scale(scale, scale);
  pen.fillStyle = "#000";
  pen.fill(new Path2D(drawn));
  canvas.toBlob((blob) => saved(blob, `${name}.png`));
}

export function QrCode({ text, name }) {
  const [size, drawn] = useMemo(() => {
    const code = generate(text);
    return [code.size + 2 * QUIET, path(code)];
  }, [text]);
  return (
    <figure class="qr">
      <svg viewBox={`0 0 ${size} ${size}`} role="img" aria-label={t("qr.label", { url: text })} shape-rendering="crispEdges">
        <path class="qr-ground" d={`M0 0h${size}v${size}H0z`} /><path class="qr-dots" d={drawn} />
      </svg>
      <figcaption>
        <Button kind="quiet" icon="download" onClick={() => saveSvg(size, drawn, name)}>SVG</Button>
        <Button kind="quiet" icon="download" onClick={() => savePng(size, drawn, name)}>PNG</Button>
      </figcaption>
    </figure>
  );
}
