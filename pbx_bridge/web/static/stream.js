// One stream of server-sent events for a part of a page: from the mark it has reached, opened anew where the browser
// has given it up, and asked for a session that is over. Everything that follows the server goes through here.
//
//   const stream = pbxStream({ address: () => "/events", on: { name: (data) => {} } });
//   stream.follow()   when address() may have changed; "" is no stream
(() => {
  "use strict";

  const AGAIN_MS = 3000;
  const away = (name) => document.dispatchEvent(new CustomEvent(`pbx:${name}`));

  window.pbxStream = ({ address, on, opened, lost, ended = () => away("ended"), hidden = false }) => {
    let source = null;
    let timer = 0;
    let mark = "";
    let at = "";

    // A hidden page keeps no connection, for browsers allow six to one server; unless it is there to be heard of.
    const wanted = () => (document.hidden && !hidden ? "" : address());

    const close = () => {
      clearTimeout(timer);
      if (source) source.close();
      source = null;
    };

    const open = () => {
      close();
      at = wanted();
      if (!at) return;
      const target = new URL(at, location.href);
      if (mark) target.searchParams.set("mark", mark);
      const mine = new EventSource(target);
      source = mine;
      mine.onopen = () => opened?.();
      mine.onerror = () => {
        lost?.();
        // The browser tries again by itself, except after a refusal: the session may have ended.
        if (mine === source && mine.readyState === EventSource.CLOSED) timer = setTimeout(retry, AGAIN_MS);
      };
      for (const [name, act] of Object.entries(on))
        mine.addEventListener(name, (event) => {
          if (event.lastEventId) mark = event.lastEventId;
          act(event.data);
        });
    };

    const retry = async () => {
      try {
        const answer = await fetch(location.href, { method: "HEAD" });
        if (answer.redirected || answer.status === 401 || answer.status === 403) return ended();
      } catch {
        // Still away.
      }
      open();
    };

    const follow = () => {
      if (wanted() !== at || (at && (!source || source.readyState === EventSource.CLOSED))) open();
    };

    document.addEventListener("visibilitychange", follow);
    addEventListener("pagehide", close);
    addEventListener("pageshow", (event) => event.persisted && open());
    open();
    return { close, follow };
  };
})();
