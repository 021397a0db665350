// Telephony without leaving the page: a call by a click is shown where one stands, and the phone's state by itself.
// The server renders everything; without this the same buttons lead to pages of their own.
(() => {
  "use strict";

  const byId = (id) => document.getElementById(id);
  const form = byId("dial");
  const dock = byId("dial-dock");
  const shown = byId("dial-shown");

  const parse = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    return holder.content;
  };

  const newKey = () => {
    if (form) form.elements.key.value = Array.from(crypto.getRandomValues(new Uint8Array(12)), (n) => n.toString(16)).join("");
  };

  const goesOn = () => [...document.querySelectorAll("[data-dial]")].find((one) => one.dataset.phase !== "over");
  const phone = () => document.querySelector("[data-phone]");

  // One stream a page, and none for a page that nobody sees: browsers keep few open.
  let stream = null;
  let address = "";

  const wanted = () => {
    const call = goesOn();
    if (document.hidden || (!phone() && !call)) return "";
    const asks = [...(phone() ? ["state=1"] : []), ...(call ? [`call=${call.dataset.dial}`] : [])];
    return `/dial/events?${asks.join("&")}`;
  };

  const put = (old, fresh) => {
    if (!fresh || old.outerHTML === fresh.outerHTML) return;
    old.replaceWith(fresh);
    if (window.htmx) window.htmx.process(fresh);
  };

  // Whoever types where a call shall go must not lose it because a colleague became free.
  const inUse = (part) =>
    part.contains(document.activeElement) || [...part.querySelectorAll("input")].some((input) => input.value);

  const putState = (html) => {
    const fresh = parse(html).firstElementChild;
    const old = byId("phone-state");
    if (!fresh || !old) return;
    const hand = byId("phone-hand");
    const freshHand = fresh.querySelector("#phone-hand");
    const kept = hand && freshHand && hand.dataset.channel === freshHand.dataset.channel && inUse(hand);
    const same = kept && Boolean(hand.querySelector(".phone-transfer")) === Boolean(freshHand.querySelector(".phone-transfer"));
    if (same) put(byId("phone-line"), fresh.querySelector("#phone-line"));
    else if (!old.contains(document.activeElement) || old.textContent !== fresh.textContent) put(old, fresh);
  };

  const putCall = (html) => {
    const fresh = parse(html).firstElementChild;
    if (!fresh) return;
    for (const old of document.querySelectorAll(`[data-dial="${fresh.dataset.dial}"]`)) put(old, fresh.cloneNode(true));
    follow();
  };

  const follow = () => {
    const now = wanted();
    if (now === address && (!stream || stream.readyState !== EventSource.CLOSED)) return;
    if (stream) stream.close();
    address = now;
    stream = now ? new EventSource(now) : null;
    if (!stream) return;
    stream.addEventListener("state", (event) => putState(event.data));
    stream.addEventListener("call", (event) => putCall(event.data));
    stream.addEventListener("open", () => document.dispatchEvent(new CustomEvent("pbx:fresh")));
    stream.addEventListener("error", () => {
      if (stream && stream.readyState === EventSource.CLOSED) setTimeout(look, 3000);
    });
  };

  // A stream that was refused for good: is the session over?
  const look = async () => {
    try {
      const answer = await fetch("/dial/state", { method: "HEAD", headers: { "HX-Request": "true" } });
      if (answer.status === 401) document.dispatchEvent(new CustomEvent("pbx:ended"));
      else follow();
    } catch {
      document.dispatchEvent(new CustomEvent("pbx:offline"));
      setTimeout(look, 3000);
    }
  };

  document.addEventListener("htmx:after:swap", () => {
    if (dock && shown && shown.childElementCount) {
      dock.hidden = false;
      newKey();
    }
    follow();
  });
  if (dock) {
    dock.querySelector(".dial-close").addEventListener("click", () => {
      dock.hidden = true;
      shown.replaceChildren();
      follow();
    });
  }
  document.addEventListener("visibilitychange", follow);
  if (window.EventSource) follow();
})();
