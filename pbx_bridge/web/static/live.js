// What the board and the desk have in common: the server's clock, times that tick, and whether to believe what is on
// the screen. The part of the page says in its data what it is told with.
(() => {
  "use strict";

  const BELIEVED_MS = 12000; // the server says every 5 s that it lives
  const persian = document.documentElement.lang === "fa";
  const two = (n) => String(n).padStart(2, "0");
  const digits = (text) => (persian ? String(text).replace(/\d/g, (d) => "۰۱۲۳۴۵۶۷۸۹"[d]) : String(text));
  const form = { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false, timeZone: document.body.dataset.zone || undefined };
  const clock = new Intl.DateTimeFormat("en-GB", form);

  window.pbxLive = (part, { light, time, lost }) => {
    // The clock of this machine may be wrong.
    let toldMs = Number(part.dataset.now);
    let toldAt = performance.now();
    let ahead = toldMs - Date.now();
    let trusted = true;

    const hour = (ms) => digits(clock.format(new Date(ms)));
    const now = () => Date.now() + ahead;
    const span = (s) => {
      const hours = Math.floor(s / 3600);
      const rest = Math.floor(s / 60) % 60;
      return digits(hours ? `${hours}:${two(rest)}:${two(s % 60)}` : `${rest}:${two(s % 60)}`);
    };

    const tick = (within) => {
      const at = trusted ? now() : toldMs; // what is lost stands still
      for (const place of within.querySelectorAll("[data-from]")) {
        const s = Math.max(0, Math.round((at - Number(place.dataset.from)) / 1000));
        const text = span(s);
        if (place.textContent !== text) place.textContent = text;
        if (place.dataset.warn) place.classList.toggle("late", s > Number(place.dataset.warn));
      }
    };

    const trust = (is) => {
      light.hidden = !is;
      light.textContent = part.dataset.on;
      if (is === trusted) return;
      trusted = is;
      part.classList.toggle("lost", !is);
      lost.hidden = is;
      lost.textContent = is ? "" : part.dataset.lost.replace("#", hour(toldMs));
    };

    const beat = (ms) => {
      toldMs = ms;
      ahead = ms - Date.now();
      time.dateTime = new Date(ms).toISOString();
      time.firstElementChild.textContent = hour(ms);
      trust(true);
    };

    setInterval(() => {
      if (performance.now() - toldAt > BELIEVED_MS) trust(false);
      tick(part);
    }, 1000);

    // Pieces that changed, or all there are; `more` is for the stream.
    const follow = ({ change, whole, ...more }) => {
      const heard = (act) => (data) => {
        toldAt = performance.now();
        act(JSON.parse(data));
      };
      const on = { change: heard(change), whole: heard(whole), beat: heard(beat) };
      return window.pbxStream({ address: () => part.dataset.events, on, lost: () => trust(false), ...more });
    };

    return { now, hour, tick, follow };
  };
})();
