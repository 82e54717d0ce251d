// The team's room: who runs the programmes. The dashboard comes with the room, each other page when it is first entered. Only what the role
// may do is offered; the API refuses the rest in any case.
import { useData } from "../lib/data.js";
import { addTexts, t } from "../lib/i18n.js";
import { me } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { later } from "../ui/later.jsx";
import { Shell } from "../ui/shell.jsx";
import { Dashboard } from "./dashboard.jsx";
import { loadPartners, loadPrograms } from "./names.js";
import { may } from "./rights.js";

const TEXTS = { en: () => import("../../text/team.en.js"), ru: () => import("../../text/team.ru.js") };
const SETUP = { en: () => import("../../text/team_setup.en.js"), ru: () => import("../../text/team_setup.ru.js") };
const HOME = "/team";
const COUNT_MS = 30_000;
const COUNT_MAX = 50; // items of a page without a limit

const ROUTES = [
  [HOME, Dashboard],
  ["/team/conversions", later(() => import("./conversions.jsx"), "Conversions")],
  ["/team/applications", later(() => import("./applications.jsx"), "Applications")],
  ["/team/partners", later(() => import("./partners.jsx"), "Partners")],
  ["/team/partners/:id", later(() => import("./partner.jsx"), "Partner")],
  ["/team/groups", later(() => import("./groups.jsx"), "Groups")],
  ["/team/payouts", later(() => import("./payouts.jsx"), "Payouts")],
  ["/team/programs", later(() => import("./programs.jsx"), "Programs", SETUP)],
  ["/team/programs/:id", later(() => import("./program.jsx"), "Program", SETUP)],
  ["/team/programs/:id/terms", later(() => import("./terms.jsx"), "Terms", SETUP)],
  ["/team/links", later(() => import("./links.jsx"), "Links")],
  ["/team/codes", later(() => import("./codes.jsx"), "Codes")],
  ["/team/creatives", later(() => import("./creatives.jsx"), "Creatives")],
  ["/team/uploads", later(() => import("./uploads.jsx"), "Uploads", SETUP)],
  ["/team/uploads/:id", later(() => import("./uploads.jsx"), "Upload", SETUP)],
  ["/team/people", later(() => import("./people.jsx"), "People")],
  ["/team/audit", later(() => import("./audit.jsx"), "Audit", SETUP)],
  ["/team/account", later(() => import("../ui/account.jsx"), "Account")],
];

function useCount(path, query) {
  const { data } = useData(path, query, { every: COUNT_MS });
  const waiting = data?.data.length ?? 0;
  return waiting >= COUNT_MAX ? `${COUNT_MAX}+` : waiting;
}

function useNav() {
  const waiting = {
    conversions: useCount("/v1/conversions", { status: "pending" }), applications: useCount("/v1/applications", { status: "pending" }),
    payouts: useCount("/v1/payouts", { status: "requested" }),
  };
  return [
    { path: HOME, text: "team.nav.dashboard", icon: "overview", tab: true },
    { path: "/team/conversions", text: "team.nav.conversions", icon: "order", tab: true, count: waiting.conversions },
    { path: "/team/applications", text: "team.nav.applications", icon: "person", tab: !may("pay") || may("own"), count: waiting.applications },
    { path: "/team/payouts", text: "team.nav.payouts", icon: "payout", tab: may("pay"), count: waiting.payouts },
    { path: "/team/partners", text: "team.nav.partners", icon: "people", tab: !may("own"), apart: true },
    { path: "/team/links", text: "team.nav.links", icon: "link" },
    { path: "/team/codes", text: "team.nav.codes", icon: "code" },
    { path: "/team/creatives", text: "team.nav.creatives", icon: "creative" },
    { path: "/team/programs", text: "team.nav.programs", icon: "program", apart: true },
    { path: "/team/uploads", text: "team.nav.uploads", icon: "upload" },
    ...(may("own") ? [{ path: "/team/people", text: "team.nav.people", icon: "key" }] : []),
    { path: "/team/audit", text: "team.nav.audit", icon: "audit" },
    { path: "/team/account", text: "nav.account", icon: "person" },
  ];
}

function Frame({ children }) {
  const asker = useStore(me);
  const nav = useNav();
  return <Shell nav={nav} home={HOME} who={asker.person?.name ?? t(`team.role.${asker.role ?? "owner"}`)}>{children}</Shell>;
}

export async function enter() {
  await Promise.all([addTexts(TEXTS), loadPrograms()]);
  loadPartners().catch(() => null); // numbers are shown meanwhile
  return { home: HOME, routes: ROUTES, Frame };
}
