// The pages: clients of /v1/ like any other. Who is not logged in finds the open pages; behind the login each kind of asker has a room of
// its own, fetched when it is entered: {home, nav(), routes, Frame}.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { language, preferredLanguage, setLanguage, t } from "./lib/i18n.js";
import { address, match, navigate, place, startRouter } from "./lib/router.js";
import { homeOf, me, session } from "./lib/session.js";
import { useStore } from "./lib/store.js";
import { startTheme } from "./lib/theme.js";
import { Join } from "./open/join.jsx";
import { Login } from "./open/login.jsx";
import { NewPassword, ResetPassword } from "./open/password.jsx";
import { OpenShell, Page } from "./ui/shell.jsx";
import { Failure } from "./ui/table.jsx";

const OPEN = [["/login", Login], ["/join/:code", Join], ["/password/new", NewPassword], ["/password/reset", ResetPassword]];
const ROOMS = { partner: () => import("./partner/room.jsx"), team: () => import("./team/room.jsx") };

function Missing({ home }) {
  return <Page title={t("missing.title")} lead={t("missing.text")} actions={<a class="button primary" href={home}>{t("missing.home")}</a>} />;
}

function find(routes, path) {
  for (const [pattern, Component] of routes) {
    const values = match(pattern, path);
    if (values) return [Component, values];
  }
  return null;
}

function Room({ asker, path }) {
  const [room, setRoom] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    ROOMS[asker.kind]().then((module) => module.enter()).then(setRoom, setError);
  }, [asker.kind]);
  if (error) return <OpenShell><Failure error={error} retry={() => location.reload()} /></OpenShell>;
  if (!room) return <div class="opening" aria-busy="true" />;
  const [Component, values] = find(room.routes, path) ?? [() => <Missing home={room.home} />, {}];
  return <room.Frame><Component key={path} {...values} /></room.Frame>;
}

function Redirect({ to }) {
  useEffect(() => {
    navigate(to, { replace: true });
  }, [to]);
  return null;
}

function App() {
  const asker = useStore(me);
  const { path, query } = useStore(place);
  const shown = useStore(language);
  const open = find(OPEN, path);
  if (open) {
    const [Component, values] = open;
    return <OpenShell key={shown} wide={path.startsWith("/join")}><Component key={path} {...values} /></OpenShell>;
  }
  if (!asker) return <Redirect to={path === "/" ? "/login" : address("/login", { next: address(path, query) })} />;
  if (!path.startsWith(`${homeOf(asker)}/`) && path !== homeOf(asker)) return <Redirect to={homeOf(asker)} />;
  return <Room key={shown} asker={asker} path={path} />;
}

async function start() {
  startTheme();
  startRouter();
  const root = document.getElementById("app");
  await setLanguage(preferredLanguage());
  try {
    await session.start();
    render(<App />, root);
  } catch (error) {
    render(<OpenShell><Failure error={error} retry={() => location.reload()} /></OpenShell>, root);
  }
}

start();
