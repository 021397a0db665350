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

  const wanted = () => {
    const call = goesOn();
    if (!phone() && !call) return "";
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
    const sameCall = hand?.dataset.channel === freshHand?.dataset.channel;
    const sameForm = Boolean(hand?.querySelector(".phone-transfer")) === Boolean(freshHand?.querySelector(".phone-transfer"));
    const typing = hand && sameCall && sameForm && inUse(hand);
    const refused = sameCall && old.querySelector("[role=alert]"); // to be read until one does something else
    if (typing || refused) {
      put(byId("phone-line"), fresh.querySelector("#phone-line"));
      if (hand && !typing) put(hand, freshHand);
    } else if (!old.contains(document.activeElement) || old.textContent !== fresh.textContent) put(old, fresh);
  };

  const putCall = (html) => {
    const fresh = parse(html).firstElementChild;
    if (!fresh) return;
    for (const old of document.querySelectorAll(`[data-dial="${fresh.dataset.dial}"]`)) put(old, fresh.cloneNode(true));
    follow();
  };

  // Only who may telephone has one, and not every page a part that follows.
  const stream = window.EventSource
    ? window.pbxStream({
        address: wanted,
        opened: () => document.dispatchEvent(new CustomEvent("pbx:fresh")),
        on: { state: (html) => putState(html), call: (html) => putCall(html) },
      })
    : null;
  const follow = () => stream?.follow();

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
})();
