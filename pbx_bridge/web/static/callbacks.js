// The week works by links alone. With this, arrows go from one callback to the next and from day to day, Page Up and
// Page Down by weeks.
(() => {
  "use strict";
  const week = document.getElementById("week");
  if (!week) return;
  const days = [...week.children].map((day) => [...day.querySelectorAll("a")]);
  const forward = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";

  const place = () => {
    for (let day = 0; day < days.length; day += 1) {
      const at = days[day].indexOf(document.activeElement);
      if (at >= 0) return [day, at];
    }
    return null;
  };

  const across = (from, at, step) => {
    for (let day = from + step; day >= 0 && day < days.length; day += step) {
      if (days[day].length) return days[day][Math.min(at, days[day].length - 1)];
    }
    return null;
  };

  const target = (key, day, at) => {
    if (key === "ArrowDown") return days[day][at + 1] || across(day, 0, 1);
    if (key === "ArrowUp") return days[day][at - 1] || across(day, Infinity, -1);
    if (key === "ArrowLeft" || key === "ArrowRight") return across(day, at, key === forward ? 1 : -1);
    return null;
  };

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea")) return;
    const turn = { PageUp: "week-before", PageDown: "week-after" }[event.key];
    if (turn) {
      event.preventDefault();
      document.getElementById(turn).click();
      return;
    }
    const here = place();
    const next = here && target(event.key, ...here);
    if (next) {
      event.preventDefault();
      next.focus();
    }
  });
})();
