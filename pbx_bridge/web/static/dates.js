// A calendar beside each <input data-date>: Jalali on Persian pages, Gregorian on English ones. What is typed stays
// as good as what is picked. data-date="from" and "to" of one form are a span, shown as such.
(() => {
  "use strict";

  // ---- calendars: days are counted from 1970-01-01; months from 1 ----
  // Leap years come in a cycle of 33: right from 1178 to 1633, tested day by day against another's arithmetic.
  const newYear = (year) => 365 * year + Math.floor((8 * year + 21) / 33) - 492633;
  const jalali = {
    first: 1200,
    last: 1600,
    days: (year, month) => (month < 7 ? 31 : month < 12 ? 30 : newYear(year + 1) - newYear(year) - 336),
    toDay: (year, month, day) => newYear(year) + (month - 1) * 30 + Math.min(month - 1, 6) + day - 1,
    fromDay: (count) => {
      let year = Math.floor((count + 492633) / 365.2424);
      while (newYear(year + 1) <= count) year += 1;
      while (newYear(year) > count) year -= 1;
      const at = count - newYear(year);
      const month = at < 186 ? Math.floor(at / 31) + 1 : Math.floor((at - 186) / 30) + 7;
      return { year, month, day: count - jalali.toDay(year, month, 1) + 1 };
    },
  };
  const DAY_MS = 86400000;
  const gregorian = {
    first: 1821,
    last: 2221,
    days: (year, month) => new Date(Date.UTC(year, month, 0)).getUTCDate(),
    toDay: (year, month, day) => Date.UTC(year, month - 1, day) / DAY_MS,
    fromDay: (count) => {
      const date = new Date(count * DAY_MS);
      return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
    },
  };

  const persian = document.documentElement.lang === "fa";
  const calendar = persian ? jalali : gregorian;
  const weekStart = persian ? 6 : 1; // Saturday, Monday
  const digits = (text) => (persian ? String(text).replace(/\d/g, (d) => "۰۱۲۳۴۵۶۷۸۹"[d]) : String(text));
  const ascii = (text) =>
    text.replace(/[۰-۹]/g, (d) => "۰۱۲۳۴۵۶۷۸۹".indexOf(d)).replace(/[٠-٩]/g, (d) => "٠١٢٣٤٥٦٧٨٩".indexOf(d));

  // As the server reads it: a year below 1700 is Jalali. Null for what is no day; the rest may be a time of day.
  const parse = (text) => {
    const found = /^\s*(\d{4})[-/](\d{1,2})[-/](\d{1,2})(\s.*)?$/.exec(ascii(text));
    if (!found) return null;
    const [year, month, day] = found.slice(1, 4).map(Number);
    const of = year < 1700 ? jalali : gregorian;
    if (month < 1 || month > 12 || day < 1 || day > of.days(year, month)) return null;
    return { day: of.toDay(year, month, day), rest: found[4] || "" };
  };
  const two = (number) => String(number).padStart(2, "0");
  const write = (count) => {
    const { year, month, day } = calendar.fromDay(count);
    return digits([String(year).padStart(4, "0"), two(month), two(day)].join(persian ? "/" : "-"));
  };
  const weekday = (count) => (((count + 4) % 7) + 7) % 7; // 0 is Sunday; 1970-01-01 was a Thursday

  window.pbxDates = { jalali, gregorian, parse, write, weekday };

  const template = document.getElementById("date-picker");
  if (!template) return;

  const name = (options, count) =>
    new Intl.DateTimeFormat(persian ? "fa-IR-u-ca-persian" : "en-GB", { timeZone: "UTC", ...options }).format(
      count * DAY_MS,
    );
  const monthName = (year, month) => name({ month: "long" }, calendar.toDay(year, month, 1));
  const full = (count) => {
    const { year, month, day } = calendar.fromDay(count);
    return `${name({ weekday: "long" }, count)} ${digits(day)} ${monthName(year, month)} ${digits(year)}`;
  };
  const today = () => parse(document.body.dataset.today).day;

  // ---- the one dialog of the page ----
  const dialog = template.content.querySelector("dialog").cloneNode(true);
  const body = dialog.querySelector("tbody");
  const months = dialog.querySelector(".picker-month");
  const years = dialog.querySelector(".picker-year");
  const told = dialog.querySelector("[aria-live]");
  let input = null;
  let at = 0; // the day that has the focus, or would
  document.body.append(dialog);

  const someWeek = calendar.toDay(persian ? 1400 : 2020, 1, 1);
  for (let n = 0; n < 7; n += 1) {
    const count = someWeek + ((weekStart - weekday(someWeek) + 7) % 7) + n;
    const head = document.createElement("th");
    head.scope = "col";
    head.abbr = name({ weekday: "long" }, count);
    head.textContent = name({ weekday: persian ? "narrow" : "short" }, count);
    dialog.querySelector("thead tr").append(head);
  }
  for (let month = 1; month <= 12; month += 1) {
    months.append(new Option(monthName(persian ? 1400 : 2020, month), month));
  }

  const partner = () => {
    const other = { from: "to", to: "from" }[input.dataset.date];
    const there = other && input.form && input.form.querySelector(`input[data-date="${other}"]`);
    const read = there && parse(there.value);
    return read ? read.day : null;
  };

  const cell = (count, chosen, mate) => {
    const place = document.createElement("td");
    const button = document.createElement("button");
    const low = mate === null ? at : Math.min(mate, at);
    const high = mate === null ? at : Math.max(mate, at);
    place.setAttribute("role", "gridcell");
    place.setAttribute("aria-selected", String(count === chosen));
    place.classList.toggle("within", mate !== null && count >= low && count <= high);
    button.type = "button";
    button.dataset.day = count;
    button.tabIndex = count === at ? 0 : -1;
    button.textContent = digits(calendar.fromDay(count).day);
    button.setAttribute("aria-label", full(count));
    if (count === today()) button.setAttribute("aria-current", "date");
    place.append(button);
    return place;
  };

  const draw = () => {
    const { year, month } = calendar.fromDay(at);
    const first = calendar.toDay(year, month, 1);
    const blank = (weekday(first) - weekStart + 7) % 7;
    const read = parse(input.value);
    const mate = partner();
    const weeks = Math.ceil((blank + calendar.days(year, month)) / 7);
    body.replaceChildren(
      ...Array.from({ length: weeks }, (_, week) => {
        const row = document.createElement("tr");
        for (let n = week * 7 - blank; n < week * 7 - blank + 7; n += 1) {
          const inside = n >= 0 && n < calendar.days(year, month);
          const place = inside ? cell(first + n, read && read.day, mate) : document.createElement("td");
          row.append(place);
        }
        return row;
      }),
    );
    months.value = month;
    years.value = digits(year);
    const shown = `${monthName(year, month)} ${digits(year)}`;
    dialog.querySelector("table").setAttribute("aria-label", shown);
    if (told.textContent !== shown) told.textContent = shown;
  };

  const goTo = (count, focus = true) => {
    const low = calendar.toDay(calendar.first, 1, 1);
    const high = calendar.toDay(calendar.last + 1, 1, 1) - 1;
    at = Math.min(Math.max(count, low), high);
    draw();
    if (focus) body.querySelector(`[data-day="${at}"]`).focus();
  };

  const turn = (by, focus) => {
    const { year, month, day } = calendar.fromDay(at);
    const whole = Math.max(year * 12 + month - 1 + by, 0);
    const [toYear, toMonth] = [Math.floor(whole / 12), (whole % 12) + 1];
    goTo(calendar.toDay(toYear, toMonth, Math.min(day, calendar.days(toYear, toMonth))), focus);
  };

  const choose = (text) => {
    input.value = text;
    dialog.close();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const pick = (count) => choose(write(count) + ((parse(input.value) || {}).rest || ""));

  const place = () => {
    const box = input.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = dialog;
    const start = persian ? box.right - width : box.left;
    const below = box.bottom + 4 + height <= innerHeight || box.top < height;
    dialog.style.inset = "auto";
    dialog.style.left = `${Math.max(8, Math.min(start, document.documentElement.clientWidth - width - 8))}px`;
    dialog.style.top = `${Math.max(8, Math.min(below ? box.bottom + 4 : box.top - height - 4, innerHeight - height - 8))}px`;
  };

  const open = (target) => {
    input = target;
    const read = parse(input.value);
    dialog.showModal();
    goTo(read ? read.day : today());
    place();
  };

  const KEYS = {
    ArrowLeft: () => goTo(at + (persian ? 1 : -1)),
    ArrowRight: () => goTo(at + (persian ? -1 : 1)),
    ArrowUp: () => goTo(at - 7),
    ArrowDown: () => goTo(at + 7),
    PageUp: (event) => turn(event.shiftKey ? -12 : -1, true),
    PageDown: (event) => turn(event.shiftKey ? 12 : 1, true),
    Home: () => goTo(at - ((weekday(at) - weekStart + 7) % 7)),
    End: () => goTo(at + 6 - ((weekday(at) - weekStart + 7) % 7)),
  };
  body.addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    KEYS[event.key](event);
  });
  dialog.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (event.target === dialog) dialog.close(); // beside it
    if (!button) return;
    const { day, turn: by } = button.dataset;
    if (day) pick(Number(day));
    else if (by) turn(Number(by), false);
    else if ("today" in button.dataset) pick(today());
    else if ("empty" in button.dataset) choose("");
    else dialog.close();
  });
  months.addEventListener("change", () => turn(Number(months.value) - calendar.fromDay(at).month, false));
  years.addEventListener("change", () => {
    const year = Number(ascii(years.value));
    // Told again when the field is left: a day about to be clicked must not be drawn anew under the pointer.
    if (year === calendar.fromDay(at).year) return;
    if (year >= calendar.first && year <= calendar.last) turn((year - calendar.fromDay(at).year) * 12, false);
    else draw();
  });
  years.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    years.dispatchEvent(new Event("change"));
  });
  addEventListener("resize", () => dialog.open && place());

  // ---- the fields, also those that come later ----
  const dress = (field) => {
    field.dataset.ready = "";
    const label = field.labels && field.labels[0];
    const called = label ? (label.querySelector("span") || label).textContent.trim() : "";
    // The button stands within the label: the field's name must not become "From Choose a date".
    if (called && !field.hasAttribute("aria-label")) field.setAttribute("aria-label", called);
    const box = document.createElement("span");
    const button = template.content.querySelector(".picker-open").cloneNode(true);
    const focused = document.activeElement === field;
    if (called) button.setAttribute("aria-label", `${button.getAttribute("aria-label")}: ${called}`);
    box.className = "date-box";
    field.before(box);
    box.append(field, button);
    if (focused) field.focus();
    button.addEventListener("click", () => open(field));
    field.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" || !event.altKey) return;
      event.preventDefault();
      open(field);
    });
  };
  const dressAll = () => document.querySelectorAll("input[data-date]:not([data-ready])").forEach(dress);
  new MutationObserver(dressAll).observe(document.getElementById("main"), { childList: true, subtree: true });
  dressAll();
})();
