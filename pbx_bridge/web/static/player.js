// The sounds of a call can be played without this. With it: a waveform to click and to steer by keys, the parts of the
// call to jump to, and the speed. Time runs from left to right in either language, as in every player.
(() => {
  "use strict";

  const persian = document.documentElement.lang === "fa";
  const digits = (text) => (persian ? String(text).replace(/\d/g, (d) => "۰۱۲۳۴۵۶۷۸۹"[d]) : String(text));
  const STEP = 5;
  const LEAP = 30;

  const shown = (seconds) => {
    const s = Math.max(0, Math.round(seconds));
    const two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(s / 3600);
    const rest = Math.floor(s / 60) % 60;
    return digits(hours ? `${hours}:${two(rest)}:${two(s % 60)}` : `${rest}:${two(s % 60)}`);
  };

  const waveform = async (figure, box) => {
    try {
      const answer = await fetch(figure.dataset.wave);
      if (answer.status !== 200) return;
      const drawn = new DOMParser().parseFromString(await answer.text(), "image/svg+xml").documentElement;
      if (drawn.localName === "svg") box.replaceChildren(document.importNode(drawn, true));
    } catch {
      // No drawing: the sound is played all the same.
    }
  };

  const begin = (figure) => {
    figure.dataset.begun = "";
    const audio = figure.querySelector("audio");
    const box = figure.querySelector(".wave-box");
    const speed = figure.querySelector(".speed select");
    const failed = figure.querySelector(".sound-failed");
    const jumps = [...figure.querySelectorAll("[data-jump]")];

    const length = () => (Number.isFinite(audio.duration) && audio.duration) || Number(figure.dataset.length);

    const show = () => {
      const at = Math.min(audio.currentTime, length());
      const x = length() ? (at / length()) * 1000 : 0;
      const played = box.querySelector(".played");
      if (played) {
        played.setAttribute("width", x);
        box.querySelector(".needle").setAttribute("x", Math.max(0, Math.min(998, x - 1)));
      }
      box.setAttribute("aria-valuenow", Math.round(at));
      const told = figure.dataset.of.replace("#at", shown(at)).replace("#length", shown(length()));
      box.setAttribute("aria-valuetext", told);
      const here = jumps.filter((jump) => Number(jump.dataset.jump) <= at + 0.05).pop();
      for (const jump of jumps) {
        if (jump === here && at > 0) jump.setAttribute("aria-current", "true");
        else jump.removeAttribute("aria-current");
      }
    };

    const go = (seconds) => {
      audio.currentTime = Math.max(0, Math.min(length(), seconds));
      show();
    };

    const play = () => audio.play().catch(() => {}); // why not is told by `error`
    const toggle = () => (audio.paused ? play() : audio.pause());

    const keys = {
      " ": toggle,
      Enter: toggle,
      ArrowRight: () => go(audio.currentTime + STEP),
      ArrowUp: () => go(audio.currentTime + STEP),
      ArrowLeft: () => go(audio.currentTime - STEP),
      ArrowDown: () => go(audio.currentTime - STEP),
      PageUp: () => go(audio.currentTime + LEAP),
      PageDown: () => go(audio.currentTime - LEAP),
      Home: () => go(0),
      End: () => go(length()),
    };
    box.addEventListener("keydown", (event) => {
      if (!keys[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      keys[event.key]();
    });
    box.addEventListener("click", (event) => {
      const place = box.getBoundingClientRect();
      go(((event.clientX - place.left) / place.width) * length());
      play();
    });
    for (const jump of jumps) {
      jump.addEventListener("click", () => {
        go(Number(jump.dataset.jump));
        play();
      });
    }
    speed.addEventListener("change", () => {
      audio.defaultPlaybackRate = audio.playbackRate = Number(speed.value);
    });

    for (const name of ["timeupdate", "seeking", "loadedmetadata", "ended"]) audio.addEventListener(name, show);
    audio.addEventListener("playing", () => {
      failed.hidden = true;
      for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    });
    audio.addEventListener("error", () => {
      failed.hidden = false;
    });

    for (const part of figure.querySelectorAll(".wave-box, .speed, .jumps, .sound-keys")) part.hidden = false;
    waveform(figure, box).then(show);
  };

  const look = () => document.querySelectorAll("[data-sound]:not([data-begun])").forEach(begin);
  // A call that goes on is read anew, and may then have a sound more.
  new MutationObserver(look).observe(document.getElementById("main"), { childList: true, subtree: true });
  look();
})();
