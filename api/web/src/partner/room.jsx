// The partner's cabinet. The overview comes with the room, each other page when it is first entered.
import { usePolling } from "../lib/data.js";
import { addTexts } from "../lib/i18n.js";
import { me } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { later } from "../ui/later.jsx";
import { Shell } from "../ui/shell.jsx";
import { refreshUnread, unread } from "./news.js";
import { Overview } from "./overview.jsx";
import { Standing } from "./standing.jsx";

const TEXTS = { en: () => import("../../text/partner.en.js"), ru: () => import("../../text/partner.ru.js") };
const HOME = "/cabinet";
const NEWS_MS = 30_000;

const ROUTES = [
  [HOME, Overview],
  ["/cabinet/links", later(() => import("./links.jsx"), "Links")],
  ["/cabinet/links/new", later(() => import("./link.jsx"), "NewLink")],
  ["/cabinet/links/:id", later(() => import("./link.jsx"), "Link")],
  ["/cabinet/codes", later(() => import("./codes.jsx"), "Codes")],
  ["/cabinet/creatives", later(() => import("./creatives.jsx"), "Creatives")],
  ["/cabinet/conversions", later(() => import("./conversions.jsx"), "Conversions")],
  ["/cabinet/conversions/:id", later(() => import("./conversion.jsx"), "Conversion")],
  ["/cabinet/balance", later(() => import("./balance.jsx"), "Balance")],
  ["/cabinet/payouts", later(() => import("./payouts.jsx"), "Payouts")],
  ["/cabinet/terms", later(() => import("./terms.jsx"), "Terms")],
  ["/cabinet/postbacks", later(() => import("./postbacks.jsx"), "Postbacks")],
  ["/cabinet/keys", later(() => import("./keys.jsx"), "Keys")],
  ["/cabinet/notifications", later(() => import("./notifications.jsx"), "Notifications")],
  ["/cabinet/faq", later(() => import("./faq.jsx"), "Faq")],
  ["/cabinet/account", later(() => import("../ui/account.jsx"), "Account")],
];

const NAV = [
  { path: HOME, text: "nav.overview", icon: "overview", tab: true },
  { path: "/cabinet/links", text: "nav.links", icon: "link", tab: true },
  { path: "/cabinet/codes", text: "nav.codes", icon: "code" },
  { path: "/cabinet/creatives", text: "nav.creatives", icon: "creative" },
  { path: "/cabinet/conversions", text: "nav.conversions", icon: "order", tab: true },
  { path: "/cabinet/balance", text: "nav.balance", icon: "balance", tab: true },
  { path: "/cabinet/payouts", text: "nav.payouts", icon: "payout" },
  { path: "/cabinet/terms", text: "nav.terms", icon: "terms" },
  { path: "/cabinet/postbacks", text: "nav.postbacks", icon: "postback", apart: true },
  { path: "/cabinet/keys", text: "nav.keys", icon: "key" },
  { path: "/cabinet/faq", text: "nav.faq", icon: "question" },
  { path: "/cabinet/account", text: "nav.account", icon: "person" },
];

function Frame({ children }) {
  usePolling(refreshUnread, NEWS_MS);
  const asker = useStore(me);
  return (
    <Shell nav={NAV} home={HOME} who={asker?.partner?.name} bell={{ path: "/cabinet/notifications", count: useStore(unread) }}><Standing />{children}</Shell>
  );
}

export async function enter() {
  refreshUnread();
  await addTexts(TEXTS);
  return { home: HOME, routes: ROUTES, Frame };
}
