// Clickledger tag. Put it on every page of the shop:
//   <script async src="https://TRACKER/t.js" data-program="PROGRAMME"></script>
// It keeps the click id and the UTM parameters of the landing page on the shop's own domain, reports the visit, and
// offers:
//   clickledger.clickId()                      the kept click id or null, e.g. for a hidden field of the order form
//   clickledger.promo("CODE")                  a promo code was entered
//   clickledger.conversion({order_id: "17", amount: "1234.50", currency: "EUR"})
(function () {
  "use strict";

  var script = document.currentScript;
  if (!script || !script.src || window.clickledger) return;

  var program = script.getAttribute("data-program");
  var tracker = new URL(script.src).origin;
  var KEY = "clickledger";
  var KEPT_MS = 90 * 24 * 3600 * 1000;
  var LANDING = ["click_id", "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "erid",
                 "gclid", "yclid", "fbclid", "ttclid", "msclkid", "rb_clickid"];
  var CLICK_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

  function landing() {
    var query = new URLSearchParams(location.search), found = {};
    LANDING.forEach(function (name) {
      var value = query.get(name);
      if (value && (name !== "click_id" || CLICK_ID.test(value))) found[name] = value.slice(0, 512);
    });
    return found;
  }

  // Storage may be switched off; then the cookie has to do, and without both the tag still reports this page.
  function load() {
    try {
      var kept = JSON.parse(localStorage.getItem(KEY));
      if (kept && Date.now() - kept.at < KEPT_MS) return kept;
    } catch (ignored) { /* the cookie may know */ }
    var cookie = new RegExp("(?:^|; )" + KEY + "=([0-9a-f-]{36})(?:;|$)").exec(document.cookie);
    return cookie && CLICK_ID.test(cookie[1]) ? {click_id: cookie[1]} : {};
  }

  function save(kept) {
    try {
      localStorage.setItem(KEY, JSON.stringify(kept));
    } catch (ignored) { /* see load() */ }
    if (kept.click_id)
      document.cookie = KEY + "=" + kept.click_id + "; Max-Age=" + KEPT_MS / 1000 + "; Path=/; SameSite=Lax" +
        (location.protocol === "https:" ? "; Secure" : "");
  }

  function send(path, values) {
    var query = new URLSearchParams();
    Object.keys(values).forEach(function (name) {
      if (values[name] !== undefined && values[name] !== null && values[name] !== "") query.set(name, values[name]);
    });
    new Image().src = tracker + path + "?" + query.toString();
  }

  function pixel(kind) {
    return "/" + kind + "/" + encodeURIComponent(program) + ".gif";
  }

  function withClick(values) {
    return Object.assign(kept.click_id ? {click_id: kept.click_id} : {}, values);
  }

  var arrived = landing();
  var kept = load();
  if (Object.keys(arrived).length > 0) {
    kept = Object.assign(arrived.click_id ? {} : {click_id: kept.click_id}, arrived, {at: Date.now()});
    save(kept);
  }

  window.clickledger = {
    clickId: function () { return kept.click_id || null; },
    promo: function (code) { send(pixel("promo"), withClick({code: code})); },
    conversion: function (report) { send(pixel("conv"), withClick(report)); }
  };

  if (program) send(pixel("v"), withClick(Object.assign({}, arrived, {page: location.href.split("#")[0].slice(0, 2000)})));
})();
