// What goes wrong in the background is told, in the viewer's words, with a way on: no connection, a session that is
// over, a refusal, an error of ours. Other scripts tell of theirs: document.dispatchEvent(new CustomEvent("pbx:ended")).
(() => {
  "use strict";

  const box = document.getElementById("notice");
  if (!box) return;
  const part = (name) => box.querySelector(`.notice-${name}`);
  const text = part("text");
  const again = part("again");
  const enter = part("enter");

  let seen = Date.now(); // when what is shown was true
  let failed = null; // the element whose request failed, and its event
  let state = "";

  const clock = () => {
    const form = { hour: "2-digit", minute: "2-digit", timeZone: document.body.dataset.zone };
    return new Intl.DateTimeFormat(document.documentElement.lang === "fa" ? "fa-IR" : "en-GB", form).format(seen);
  };

  const show = (what, words) => {
    state = what;
    text.textContent = words || text.dataset[what].replace("#", clock());
    const here = encodeURIComponent(location.pathname + location.search);
    enter.href = `${box.dataset.signin}?next=${here}`;
    enter.hidden = what !== "ended";
    again.hidden = what === "ended" || what === "refused";
    box.hidden = false;
  };

  const hide = () => {
    box.hidden = true;
    state = "";
  };

  // An error page of ours says what happened better than any text here could.
  const told = (html) => {
    const page = new DOMParser().parseFromString(html || "", "text/html");
    const words = [...page.querySelectorAll(".problem h1, .problem .lead")].map((part) => part.textContent.trim());
    return words.length ? words.map((one) => (/[.؟!]$/.test(one) ? one : `${one}.`)).join(" ") : "";
  };

  const remember = (ctx) => {
    failed = ctx && ctx.sourceElement ? { element: ctx.sourceElement, event: ctx.sourceEvent } : null;
  };

  document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
    const status = ctx.response.status;
    const kept = (window.htmx.config.noSwap || []).map(String);
    const shown = ![String(status), `${String(status)[0]}xx`].some((one) => kept.includes(one));
    if (shown && ctx.hx.reswap !== "none") return; // a form with its mistakes marked: it is on the page
    remember(ctx);
    if (status === 401) show("ended");
    else show(status === 403 ? "refused" : "broken", told(ctx.text));
  });
  document.addEventListener("htmx:error", ({ detail }) => {
    const ctx = detail.ctx;
    if (!ctx || ctx.response) return;
    remember(ctx);
    show("offline");
  });
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (ctx && ctx.response && ctx.response.status >= 400) return; // htmx tells so of what it did not put in, too
    seen = Date.now();
    if (state === "offline" || state === "broken") hide();
  });
  document.addEventListener("pbx:ended", () => show("ended"));
  document.addEventListener("pbx:offline", () => state || show("offline"));
  document.addEventListener("pbx:fresh", () => {
    seen = Date.now();
    if (state === "offline") hide();
  });
  addEventListener("offline", () => {
    failed = null;
    show("offline");
  });
  addEventListener("online", () => state === "offline" && hide());

  again.addEventListener("click", async () => {
    const { element, event } = failed || {};
    if (element && element.isConnected) {
      hide();
      window.htmx.trigger(element, event ? event.type : "click");
      return;
    }
    try {
      const answer = await fetch(location.href, { method: "HEAD", headers: { "HX-Request": "true" } });
      if (answer.status === 401) show("ended");
      else location.reload();
    } catch {
      show("offline");
    }
  });
  part("close").addEventListener("click", hide);
})();
