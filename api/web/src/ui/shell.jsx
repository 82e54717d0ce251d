// The frame of every page behind the login: brand, navigation, page, foot. On a desk the navigation is the margin of the leaf, left of its
// double line; on a phone it is a bar below.
import { useEffect, useRef, useState } from "preact/hooks";
import { LANGUAGES, language, setLanguage, t } from "../lib/i18n.js";
import { place } from "../lib/router.js";
import { me, session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { setTheme, theme, THEMES } from "../lib/theme.js";
import { zone, zoneText } from "../lib/time.js";
import { Dialog, Overlays } from "./dialog.jsx";
import { Button, IconButton, Segments } from "./field.jsx";
import { Icon, Mark } from "./icon.jsx";

const TABS = 4;
const THEME_ICONS = { system: "half", light: "sun", dark: "moon" };

const current = (path, here, home) => here === path || (path !== home && here.startsWith(`${path}/`));

function NavLinks({ nav, home, onFollow }) {
  const { path: here } = useStore(place);
  return (
    <ul class="nav-list">
      {nav.map(({ path, text, icon, count, apart }) => (
        <li key={path} class={apart ? "apart" : ""}>
          <a href={path} aria-current={current(path, here, home) ? "page" : undefined} onClick={onFollow}>
            <Icon name={icon} /><span>{t(text)}</span>{!!count && <b class="nav-count">{count}</b>}
          </a>
        </li>
      ))}
    </ul>
  );
}

function LanguageSwitch() {
  const shown = useStore(language);
  const asker = useStore(me);
  const other = LANGUAGES.find((one) => one !== shown);
  const choose = () => (asker?.person ? session.change({ language: other }) : setLanguage(other));
  return <button type="button" class="button quiet" lang={other} onClick={choose}>{t("language.other")}</button>;
}

function ThemeSwitch() {
  const shown = useStore(theme);
  const next = THEMES[(THEMES.indexOf(shown) + 1) % THEMES.length];
  return <IconButton icon={THEME_ICONS[shown]} label={t(`theme.${shown}`)} onClick={() => setTheme(next)} />;
}

export function ThemeChoice() {
  return <Segments label={t("theme.label")} value={useStore(theme)} onChange={setTheme} options={THEMES.map((one) => [one, t(`theme.short.${one}`)])} />;
}

function Menu({ nav, home, onClose }) {
  return (
    <Dialog title={t("nav.menu")} onClose={onClose}>
      <nav aria-label={t("nav.all")}><NavLinks nav={nav} home={home} onFollow={onClose} /></nav>
      <div class="menu-foot">
        <ThemeChoice /><LanguageSwitch /><Button kind="quiet" icon="logout" onClick={session.logout}>{t("nav.logout")}</Button>
      </div>
    </Dialog>
  );
}

function Tabs({ nav, home, onMore }) {
  const { path: here } = useStore(place);
  const tabs = nav.filter(({ tab }) => tab).slice(0, TABS);
  return (
    <nav class="tabs" aria-label={t("nav.tabs")}>
      {tabs.map(({ path, text, icon }) => (
        <a key={path} href={path} aria-current={current(path, here, home) ? "page" : undefined}><Icon name={icon} /><span>{t(text)}</span></a>
      ))}
      <button type="button" onClick={onMore} aria-haspopup="dialog"><Icon name="menu" /><span>{t("nav.more")}</span></button>
    </nav>
  );
}

function Foot() {
  const name = useStore(zone);
  return (
    <footer class="foot">
      <span>{t("foot.zone", { zone: zoneText(name) })}</span>
      <span>{t("foot.money")}</span>
    </footer>
  );
}

const SkipLink = () => <a class="skip" href="#main">{t("nav.skip")}</a>;

/** `nav`: {path, text, icon, tab, count, apart}; `home`: the first page; `who`: whose cabinet it is; `bell`: where news are. */
export function Shell({ nav, home, who, bell, children }) {
  const [menu, setMenu] = useState(false);
  const asker = useStore(me);
  return (
    <div class="shell">
      <SkipLink />
      <header class="head">
        <a class="brand" href={home}><Mark /><span>Clickledger</span></a>
        <div class="head-tools">
          {bell && (
            <a class="button icon-button bell" href={bell.path} aria-label={t("nav.bell", { n: bell.count })} title={t("nav.bell", { n: bell.count })}>
              <Icon name="bell" />{bell.count > 0 && <b>{bell.count}</b>}
            </a>
          )}
          <ThemeSwitch /><LanguageSwitch />
        </div>
      </header>
      <div class="side">
        <nav aria-label={t("nav.main")}><NavLinks nav={nav} home={home} /></nav>
        <div class="side-who">
          <p><b>{who}</b>{asker?.person && <span>{asker.person.email}</span>}</p>
          <IconButton icon="logout" label={t("nav.logout")} onClick={session.logout} />
        </div>
      </div>
      <main id="main" tabIndex={-1}>{children}<Foot /></main>
      <Tabs nav={nav} home={home} onMore={() => setMenu(true)} />
      {menu && <Menu nav={nav} home={home} onClose={() => setMenu(false)} />}
      <Overlays />
    </div>
  );
}

/** The frame of pages without login. */
export function OpenShell({ children, wide = false }) {
  return (
    <div class="open-shell">
      <SkipLink />
      <header class="head">
        <a class="brand" href="/"><Mark /><span>Clickledger</span></a>
        <div class="head-tools"><ThemeSwitch /><LanguageSwitch /></div>
      </header>
      <main id="main" tabIndex={-1} class={wide ? "wide" : ""}>{children}</main>
      <Overlays />
    </div>
  );
}

let shownPath;

/** Head of a page: its title, also of the window; a reader who came from another page starts reading here. */
export function Page({ title, lead, actions, back, children }) {
  const heading = useRef();
  useEffect(() => {
    document.title = `${title} · Clickledger`;
  }, [title]);
  useEffect(() => {
    if (shownPath !== undefined && shownPath !== location.pathname) {
      heading.current.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    shownPath = location.pathname;
  }, []);
  return (
    <article class="page">
      <header class="page-head">
        <div>
          {back && <a class="page-back" href={back.path}><Icon name="back" />{back.text}</a>}
          <h1 ref={heading} tabIndex={-1}>{title}</h1>
          {lead && <p class="page-lead">{lead}</p>}
        </div>
        {actions && <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </article>
  );
}

/** A part of a page under its rule. */
export function Section({ title, actions, lead, children, class: extra = "" }) {
  return (
    <section class={`section ${extra}`}>
      {(title || actions) && (
        <header class="section-head">
          <div>{title && <h2>{title}</h2>}{lead && <p class="section-lead">{lead}</p>}</div>
          {actions && <div class="section-actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}
