"use strict";
// In-place updates, sorting, filtering and curves. The page is whole without any of it.
(() => {
  const LENGTH = 60, SVG = "http://www.w3.org/2000/svg", KEY = "pyproxy:" + location.pathname;
  const rows = new Map();           // id of a row -> its element, slots and history
  const info = [...document.querySelectorAll("#info dd b")];
  const address = new URL(document.body.dataset.live, location.href);
  address.username = address.password = "";          // fetch() refuses credentials in an address; the browser remembers them
  let lastMoment = 0, timer = 0, failures = 0;

  // -- history and curves -------------------------------------------------------------------------------------------------

  const create = (name, attributes) => {
    const element = document.createElementNS(SVG, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    return element;
  };

  const curve = (width, height) => {
    const svg = create("svg", {class: "spark", width, height, viewBox: `0 0 ${width} ${height}`, role: "img"});
    const parts = {svg, width, height, title: create("title", {})};
    for (const name of ["area", "line", "bad"]) svg.append(parts[name] = create("path", {class: name}));
    svg.append(parts.title);
    return parts;
  };

  const draw = (parts, history) => {
    const {width, height} = parts, step = width / (LENGTH - 1), start = LENGTH - history.length;
    const top = Math.max(1, ...history.map(point => point[0])), worst = Math.max(1, ...history.map(point => point[1]));
    const x = at => ((start + at) * step).toFixed(1), y = value => (height - 1 - (height - 3) * value / top).toFixed(1);
    const line = history.map((point, at) => `${at ? "L" : "M"}${x(at)} ${y(point[0])}`).join("");
    parts.line.setAttribute("d", line);
    parts.area.setAttribute("d", history.length ? `${line}L${x(history.length - 1)} ${height}L${x(0)} ${height}Z` : "");
    parts.bad.setAttribute("d", history.map((point, at) => {
      if (!point[1]) return "";
      const tall = Math.max(2, height * .6 * point[1] / worst);
      return `M${x(at)} ${height}h${Math.max(1.2, step).toFixed(1)}v${-tall.toFixed(1)}h${-Math.max(1.2, step).toFixed(1)}z`;
    }).join(""));
    const last = history[history.length - 1] || [0, 0];
    parts.title.textContent = `${last[0].toFixed(1)} requests/s now, peak ${top === 1 ? Math.max(0, ...history.map(p => p[0])).toFixed(1) : top.toFixed(1)}; ${last[1].toFixed(1)} errors/s now`;
  };

  const remembered = (() => {
    try { return JSON.parse(sessionStorage.getItem(KEY)) || {}; } catch { return {}; }
  })();

  const dim = (element, text) => element.classList.toggle("z", text === "0" || text === "-");

  const adopt = () => {
    rows.clear();
    for (const element of document.querySelectorAll("tr[data-r]")) {
      const id = element.dataset.r, parts = curve(44, 14);
      element.querySelector("th").append(parts.svg);
      const old = (remembered.rows || {})[id];
      rows.set(id, {
        element, parts, slots: [...element.querySelectorAll("td b")], history: old ? old.slice() : [],
        count: +element.dataset.c, errors: +element.dataset.e,
      });
      draw(parts, rows.get(id).history);
      rows.get(id).slots.forEach(slot => dim(slot, slot.textContent));
    }
    for (const section of document.querySelectorAll(".proxy")) {
      const head = section.querySelector(".head"), parts = curve(180, 26), peak = document.createElement("span");
      peak.className = "peak";
      head.append(peak, parts.svg);
      section.curve = {parts, peak, ids: [...section.querySelectorAll("tr[data-r]")].map(row => row.dataset.r)};
    }
  };

  const drawSection = section => {
    // requests as clients see them: the frontend's curve, or the backend's where there is none
    const {parts, peak, ids} = section.curve, main = ids.find(id => id[0] === "F") || ids.find(id => id[0] === "B");
    const own = main && rows.get(main);
    if (!own) return;
    draw(parts, own.history);
    const last = own.history[own.history.length - 1];
    peak.textContent = last ? `${last[0].toFixed(last[0] < 10 ? 1 : 0)} req/s${last[1] ? `, ${last[1].toFixed(1)} err/s` : ""}` : "";
  };

  // -- updates ------------------------------------------------------------------------------------------------------------

  const setText = (element, text) => {
    if (element.textContent === text) return;
    element.textContent = text;
    dim(element, text);
  };

  const update = fresh => {
    if (fresh.rows.length !== rows.size || fresh.rows.some(row => {
      const known = rows.get(row[0]);
      return !known || known.slots.length !== row[4].length;
    })) return rebuild();
    fresh.info.forEach((text, at) => setText(info[at], text));
    const seconds = lastMoment ? (fresh.t - lastMoment) / 1000 : 0;
    for (const [id, name, count, errors, texts] of fresh.rows) {
      const row = rows.get(id);
      if (row.element.className !== name) row.element.className = name;
      texts.forEach((text, at) => setText(row.slots[at], text));
      if (seconds > 0) {
        row.history.push([Math.max(0, count - row.count) / seconds, Math.max(0, errors - row.errors) / seconds]);
        if (row.history.length > LENGTH) row.history.shift();
        draw(row.parts, row.history);
      }
      row.count = count;
      row.errors = errors;
    }
    lastMoment = fresh.t;
    document.querySelectorAll(".proxy").forEach(drawSection);
    tell();
    document.body.dataset.updated = fresh.t;
    return null;
  };

  // servers or proxies came or went: take the tables of a fresh page
  const rebuild = async () => {
    const page = new URL(location.href);
    page.username = page.password = page.hash = "";
    const answer = await fetch(page, {cache: "no-store"});
    if (!answer.ok) throw new Error(answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    remembered.rows = history();
    document.querySelectorAll(".proxy").forEach(section => section.remove());
    document.querySelector("main").append(...fresh.querySelectorAll(".proxy"));
    lastMoment = 0;
    adopt();
    sortable();
    filter();
  };

  // a tab in the background tells by its title
  const title = document.title;
  const tell = () => {
    const down = document.querySelectorAll("tr.active_down[data-r^=S], tr.backup_down[data-r^=S]").length;
    document.title = down ? `(${down} down) ${title}` : title;
  };

  const history = () => Object.fromEntries([...rows].map(([id, row]) => [id, row.history]));

  const tick = async () => {
    clearTimeout(timer);
    if (live.getAttribute("aria-pressed") !== "true") return;
    try {
      const answer = await fetch(address, {cache: "no-store"});
      if (!answer.ok) throw new Error(answer.status);
      await update(await answer.json());
      failures = 0;
      note.textContent = "";
    } catch (problem) {
      failures += 1;
      note.textContent = `no answer (${problem.message}), trying again`;
    }
    clearTimeout(timer);
    timer = setTimeout(tick, Math.min(30000, pace() * 2 ** Math.min(failures, 4)));
  };
  const pace = () => document.hidden ? 30000 : rows.size > 1000 ? 10000 : rows.size > 200 ? 5000 : 2000;

  // -- tools: live switch, filter, sorting ----------------------------------------------------------------------------------

  const tools = document.createElement("div"), live = document.createElement("button"), note = document.createElement("output");
  const label = document.createElement("label"), box = document.createElement("input"), shown = document.createElement("output");
  tools.className = "tools";
  live.type = "button";
  live.id = "live";
  live.textContent = "Live updates";
  live.setAttribute("aria-pressed", remembered.live === false ? "false" : "true");
  live.addEventListener("click", () => {
    live.setAttribute("aria-pressed", live.getAttribute("aria-pressed") !== "true");
    lastMoment = 0;
    tick();
  });
  box.type = "search";
  box.placeholder = "name or state";
  box.value = remembered.filter || "";
  label.append("Filter rows ", box);
  tools.append(live, label, shown, note);
  document.querySelector(".bar").append(tools);

  const filter = () => {
    const wanted = box.value.trim().toLowerCase();
    let count = 0;
    for (const section of document.querySelectorAll(".proxy")) {
      const whole = section.dataset.name.toLowerCase().includes(wanted);
      let any = whole;
      for (const row of section.querySelectorAll("tr[data-r]")) {
        const state = row.querySelector("td strong");
        const fits = whole || `${row.querySelector("th a").textContent} ${state ? state.textContent : ""}`.toLowerCase().includes(wanted);
        row.hidden = !fits;
        any = any || fits;
        count += fits;
      }
      section.hidden = !any;
    }
    shown.textContent = wanted ? `${count} rows` : "";
  };
  box.addEventListener("input", filter);

  const number = text => {
    const time = /^(\d+)d(\d+)h|^(\d+)h(\d+)m|^(\d+)m(\d+)s|^(\d+)s/.exec(text);
    if (time) {
      const [, d, h, h2, m2, m3, s3, s4] = time.map(part => +part || 0);
      return d * 86400 + (h + h2) * 3600 + (m2 + m3) * 60 + s3 + s4;
    }
    const plain = parseFloat(text.replace(/[\s\u202f]/g, ""));
    return Number.isNaN(plain) ? null : plain;
  };
  const compare = (left, right) => {
    const a = number(left), b = number(right);
    return a !== null && b !== null ? a - b : left.localeCompare(right, undefined, {numeric: true});
  };
  const face = cell => (cell.querySelector("button b, strong b, b, a") || cell).textContent;

  const sort = (heading, column) => {
    const body = heading.closest("table").tBodies[0], descending = heading.getAttribute("aria-sort") !== "descending";
    heading.closest("thead").querySelectorAll("[aria-sort]").forEach(other => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const servers = [...body.rows].filter(row => row.dataset.r[0] === "S"), end = [...body.rows].find(row => row.dataset.r[0] === "B");
    const key = row => face(column < 0 ? row.querySelector("th") : row.querySelectorAll("td[data-l]")[column]);
    servers.map(row => [key(row), row])
      .sort((a, b) => descending ? compare(b[0], a[0]) : compare(a[0], b[0]))
      .forEach(pair => body.insertBefore(pair[1], end || null));
  };

  const sortable = () => {
    for (const head of document.querySelectorAll("thead")) {
      const press = (heading, column) => {
        const button = document.createElement("button");
        button.type = "button";
        button.append(...heading.childNodes);
        heading.append(button);
        button.addEventListener("click", () => sort(heading, column));
      };
      press(head.querySelector(".n"), -1);
      [...head.rows[1].cells].forEach(press);
      const chooser = head.querySelector(".x"), boxes = () => head.parentNode.querySelectorAll(".x input[name=s]");
      if (!chooser) continue;
      const all = document.createElement("input");
      all.type = "checkbox";
      all.setAttribute("aria-label", "Choose all servers shown");
      all.addEventListener("change", () => boxes().forEach(one => { one.checked = all.checked && !one.closest("tr").hidden; }));
      chooser.append(all);
    }
  };

  // details stand beside their cell, inside the window; without scripts they stand in its corner, on a phone at its foot
  const place = cell => {
    const box = cell && cell.querySelector("[role=tooltip]");
    if (!box) return;
    box.removeAttribute("style");
    if (innerWidth <= 736) return;
    const at = cell.getBoundingClientRect(), size = box.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.left - 8, innerWidth - size.width - 8)), below = at.bottom + 4;
    const top = below + size.height <= innerHeight - 8 ? below : Math.max(8, at.top - size.height - 4);
    Object.assign(box.style, {left: `${left}px`, top: `${top}px`, right: "auto", bottom: "auto"});
  };
  const cellOf = event => event.target.closest && event.target.closest("td");
  document.addEventListener("mouseover", event => place(cellOf(event)));
  document.addEventListener("focusin", event => place(cellOf(event)));
  addEventListener("scroll", () => document.querySelectorAll("td:hover, td:focus-within").forEach(place), true);

  addEventListener("pagehide", () => {
    const small = rows.size <= 300;
    try {
      sessionStorage.setItem(KEY, JSON.stringify({
        rows: small ? history() : {}, filter: box.value, live: live.getAttribute("aria-pressed") === "true",
      }));
    } catch { /* storage is full or forbidden: the curves begin anew */ }
  });
  document.addEventListener("visibilitychange", tick);

  if (+document.body.dataset.refresh) window.stop();      // live updates take the place of the Refresh field
  adopt();
  sortable();
  filter();
  document.querySelectorAll(".proxy").forEach(drawSection);
  tell();
  tick();
})();
