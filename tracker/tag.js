// Clickledger tag: docs/embedding.md says how a page uses it.
//   <script async src="https://TRACKER/t.js" data-program="PROGRAMME"></script>
// Keeps the click id of the landing page on the shop's own domain, reports landings and promo codes from the URL, fills
// click_id into forms, and takes clickledger(command, ...): order, promo, consent, click_id.
// The build takes comments and indentation out: a comment has a line of its own, no text spans lines.
(function (window, document) {
  "use strict";

  var script = document.currentScript || document.querySelector("script[data-program][src$='/t.js']");
  var early = window.clickledger;
  if (!script || early && early.ready) return;

  var option = function (name) { return script.getAttribute("data-" + name); };
  var program = encodeURIComponent(option("program") || "");
  var tracker = new URL(script.src).origin;
  var query = new URLSearchParams(location.search);
  var NAME = "clickledger";
  var KEPT_S = 90 * 24 * 3600;
  var CLICK_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
  var LANDING = ["utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "erid",
    "gclid", "yclid", "fbclid", "ttclid", "msclkid", "rb_clickid"];

  var valid = function (id) { return CLICK_ID.test(id) ? id : null; };
  var landed = valid(query.get("click_id"));
  // true, false; undefined: nobody asked
  var consent = navigator.globalPrivacyControl ? false : undefined;
  var clickId = null;
  var reported = false;

  function may() {
    return consent === undefined ? option("consent") !== "required" : consent;
  }

  function attempt(action) {
    try {
      return action();
    } catch (ignored) {
      return null;
    }
  }

  // Storage may be switched off; then the cookie has to do, and without both the tag still knows this page's click.
  function store(id) {
    attempt(function () {
      if (id) localStorage.setItem(NAME, Date.now() + " " + id);
      else localStorage.removeItem(NAME);
    });
    attempt(function () {
      document.cookie = NAME + "=" + (id || "") + "; Max-Age=" + (id ? KEPT_S : 0) + "; Path=/; SameSite=Lax" +
        (option("domain") ? "; Domain=" + option("domain") : "") + (location.protocol === "https:" ? "; Secure" : "");
    });
  }

  function load() {
    return attempt(function () {
      var kept = (localStorage.getItem(NAME) || "").split(" ");
      return Date.now() - kept[0] < KEPT_S * 1000 ? valid(kept[1]) : null;
    }) || attempt(function () {
      return valid(new RegExp("(?:^|; )" + NAME + "=([^;]*)").exec(document.cookie)[1]);
    });
  }

  function send(kind, values) {
    var said = new URLSearchParams();
    if (clickId) said.set("click_id", clickId);
    Object.keys(values).forEach(function (name) {
      if (values[name] || values[name] === 0) said.set(name, values[name]);
    });
    if (consent !== undefined) said.set("consent", consent ? 1 : 0);
    if (program) new Image().src = tracker + "/" + kind + "/" + program + ".gif?" + said;
  }

  // Only forms that ask for it: by data-clickledger, or by a field of that name.
  function fill() {
    if (!clickId) return;
    document.querySelectorAll("form[data-clickledger]").forEach(function (form) {
      if (form.querySelector("[name=click_id]")) return;
      var field = document.createElement("input");
      field.type = "hidden";
      field.name = "click_id";
      form.appendChild(field);
    });
    document.querySelectorAll("input[name=click_id]").forEach(function (field) {
      if (!field.value) field.value = clickId;
    });
  }

  function forget() {
    document.querySelectorAll("input[name=click_id]").forEach(function (field) {
      if (field.value === clickId) field.value = "";
    });
    clickId = null;
    store(null);
  }

  // A landing comes from elsewhere, or by a new click; what the shop's own forms carry on is none.
  function report(clicked) {
    var values = {page: location.href.split("#")[0].slice(0, 2000)};
    var code = query.get(option("promo") || "promo");
    LANDING.forEach(function (name) { values[name] = (query.get(name) || "").slice(0, 512); });
    reported = true;
    if (clicked || !document.referrer || new URL(document.referrer).host !== location.host) send("v", values);
    if (code) send("promo", {code: code});
  }

  function settle() {
    if (may()) {
      var before = load();
      if (landed) store(landed);
      clickId = landed || before;
      if (!reported) report(landed && landed !== before);
      fill();
    } else if (consent === false) {
      forget();
    }
  }

  var commands = {
    order: function (values) { send("conv", values); },
    promo: function (code) { send("promo", {code: code}); },
    click_id: function (then) { then(clickId); },
    consent: function (given) {
      var known = reported || clickId;
      consent = given && !navigator.globalPrivacyControl;
      settle();
      if (known && !given) send("v", {});  // taken back: the tracker's cookie goes too
    }
  };

  function run(command) {
    if (commands[command[0]]) commands[command[0]](command[1]);
    else console.warn("clickledger: there is no command " + command[0]);
  }

  window.clickledger = function () { run(arguments); };
  window.clickledger.ready = true;
  // What was said about consent before the script came is heard first.
  var queue = [].slice.call(early && early.q || []);
  var about = function (wanted) {
    return function (command) { return (command[0] === "consent") === wanted; };
  };
  var consents = queue.filter(about(true));
  if (consents.length) consents.forEach(run);
  else settle();
  queue.filter(about(false)).forEach(run);
  // Forms are filled as they come, and once more when sent: they may have asked since.
  document.addEventListener("submit", fill, true);
  new MutationObserver(fill).observe(document, {childList: true, subtree: true});
})(window, document);
