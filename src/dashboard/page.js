// The page of the dashboard: it shows what the stream of events says, and sends
// what the user does. All text goes in as text, never as markup.

const token = location.pathname.split("/").at(-2);
const byId = (id) => document.getElementById(id);
const TITLE = document.title;
const PAGE = 50;
/** How long something that was said stays, in milliseconds. */
const SAID = 6000;
/** What the curve shows, in milliseconds. */
const MINUTE = 60_000;

const wanted = { filter: "all", search: "", offset: 0, open: null };
/** The elements of the rows, by their keys. */
const rows = new Map();
/** What the latest event says, and the keys of what has ended in it. */
let view = null;
let endedBefore = null;
let events = null;
let saidTimer = 0;
const rates = [];

const STATES = {
  running: "Running",
  waiting: "Waiting",
  paused: "Paused",
  quarantined: "Stopped",
  succeeded: "Done",
  failed: "Failed",
  undelivered: "Undelivered",
};

/** The actions that make sense in a state. */
const ACTIONS = {
  running: ["pause", "abort"],
  waiting: ["pause", "abort"],
  paused: ["unpause", "abort"],
  quarantined: ["unpause", "abort"],
  succeeded: [],
  failed: ["retry", "delete"],
  undelivered: ["delete"],
};

function bytes(count) {
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  if (count < 1024) return `${count} B`;
  let unit = -1;
  while (count >= 1023.95 && unit + 1 < units.length) {
    count /= 1024;
    unit += 1;
  }
  return `${count.toFixed(count < 99.95 ? 1 : 0)} ${units[unit]}`;
}

function duration(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
  const minutes = Math.ceil(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Changes only what has to change: a screen reader reads what changes. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setHidden(element, hidden) {
  if (element.hidden === hidden) return;
  // The focus must not fall out of the page.
  const row = element.closest(".card");
  const hadFocus = hidden && element.contains(document.activeElement);
  element.hidden = hidden;
  if (hadFocus && row) row.focus();
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function say(text) {
  setText(byId("said"), text);
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => setText(byId("said"), ""), SAID);
}

// What comes in

function connect() {
  events?.close();
  // Browsers have few connections to one server, and they are not looked at.
  if (document.hidden) {
    document.title = TITLE;
    return;
  }
  const query = new URLSearchParams({
    filter: wanted.filter,
    search: wanted.search,
    offset: wanted.offset,
    limit: PAGE,
  });
  if (wanted.open !== null) query.set("open", wanted.open);
  events = new EventSource(`events?${query}`);
  events.addEventListener("view", ({ data }) => show(JSON.parse(data)));
  events.addEventListener("error", ({ target }) => {
    if (target !== events) return;
    showNote("The dashboard's process does not answer; it is tried again.");
    // The browser gives up for good when it is refused.
    if (target.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  });
}

function showNote(text) {
  setText(byId("note"), text);
  byId("note").hidden = text === "";
}

function show(latest) {
  view = latest;
  wanted.offset = view.offset;
  showNote(view.note);
  byId("add").hidden = !view.mayAdd;
  showTotals();
  showRows();
  showPages();
  showNotifications();
  showRecent();
}

function showTotals() {
  const { totals } = view;
  const count = (n) => n.toLocaleString("en");
  for (const button of document.querySelectorAll("[data-filter]")) {
    setText(button.querySelector("b"), count(totals[button.dataset.filter]));
  }
  const parts = [`${count(totals.running)} running`];
  if (totals.paused) parts.push(`${count(totals.paused)} paused`);
  if (totals.failed) parts.push(`${count(totals.failed)} failed`);
  setText(byId("summary"), parts.join(", "));
  setText(byId("rate"), `${bytes(totals.rate)}/s`);
  document.title = totals.running
    ? `${count(totals.running)} running · ${TITLE}`
    : TITLE;
}

function showCurve() {
  const now = performance.now();
  rates.push({ at: now, rate: view?.totals.rate ?? 0 });
  while (rates.length && rates[0].at < now - MINUTE) rates.shift();
  const most = Math.max(1, ...rates.map(({ rate }) => rate));
  const point = ({ at, rate }) => {
    const x = 120 - ((now - at) / MINUTE) * 120;
    return `${x.toFixed(1)},${(31 - (rate / most) * 29).toFixed(1)}`;
  };
  const points = rates.map(point);
  const first = points[0].split(",")[0];
  byId("line").setAttribute("points", points.join(" "));
  byId("area").setAttribute(
    "points",
    `${first},32 ${points.join(" ")} 120,32`,
  );
}

function showRows() {
  const list = byId("list");
  const shown = new Set(view.rows.map(({ key }) => key));
  for (const [key, row] of rows) {
    if (shown.has(key)) continue;
    const hadFocus = row.contains(document.activeElement);
    const neighbour = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    rows.delete(key);
    if (hadFocus) (neighbour ?? list).focus();
  }
  view.rows.forEach((data, index) => {
    let row = rows.get(data.key);
    if (!row) {
      row = byId("row").content.firstElementChild.cloneNode(true);
      row.dataset.key = data.key;
      rows.set(data.key, row);
    }
    // A row that is moved would lose the focus.
    if (list.children[index] !== row) {
      list.insertBefore(row, list.children[index] ?? null);
    }
    showRow(row, data);
  });
  const empty = view.totals.all
    ? "Nothing here is as you have asked for."
    : "Nothing is under way.";
  setText(byId("empty"), empty);
  byId("empty").hidden = view.rows.length > 0;
}

function showRow(row, data) {
  const part = (name) => row.querySelector(`.${name}`);
  row.dataset.state = data.state;
  setText(part("name"), data.name);
  setText(part("state"), STATES[data.state]);
  const others = data.requests - 1;
  const more = others > 0
    ? ` and ${others} other ${others === 1 ? "request" : "requests"}`
    : "";
  setText(part("url"), (data.url || data.scope) + more);
  showProgress(row, data);
  setText(part("why"), data.why);
  setHidden(part("why"), data.why === "");
  for (const button of row.querySelectorAll("[data-do]")) {
    const action = button.dataset.do;
    if (action === "open") {
      const isOpen = wanted.open === data.key;
      button.setAttribute("aria-expanded", isOpen);
    } else if (action !== "click") {
      setHidden(button, !ACTIONS[data.state].includes(action));
    }
    const label = action === "click"
      ? `Fire the click event of ${data.name}`
      : `${button.textContent} ${data.name}`;
    if (action === "open") {
      button.setAttribute("aria-label", `Requests of ${data.name}`);
    } else {
      button.setAttribute("aria-label", label);
    }
  }
  showDetails(row, data);
}

function showProgress(row, data) {
  const bar = row.querySelector("progress");
  const { downloaded, expected, rate } = data;
  // What a failed one has of an error page is no progress.
  const isError = data.state === "failed" && downloaded >= expected;
  bar.hidden = isError;
  row.querySelector(".numbers").hidden = isError;
  bar.setAttribute("aria-label", `Progress of ${data.name}`);
  if (expected) bar.value = Math.min(1, downloaded / expected);
  else if (data.state === "succeeded") bar.value = 1;
  else if (data.state === "running") bar.removeAttribute("value");
  else bar.value = 0;
  const percent = expected
    ? `, ${Math.min(100, Math.floor((downloaded / expected) * 100))} %`
    : "";
  let amount = expected
    ? `${bytes(downloaded)} of ${bytes(expected)}${percent}`
    : bytes(downloaded);
  if (data.uploadTotal) {
    amount += `, ${bytes(data.uploaded)} of ${bytes(data.uploadTotal)} sent`;
  }
  setText(row.querySelector(".amount"), amount);
  const left = expected && rate && expected > downloaded
    ? `, ${duration((expected - downloaded) / rate)} left`
    : "";
  const speed = data.state === "running" ? `${bytes(rate)}/s${left}` : "";
  setText(row.querySelector(".speed"), speed);
}

function showDetails(row, data) {
  const details = row.querySelector(".details");
  const isOpen = wanted.open === data.key;
  setHidden(details, !isOpen);
  if (!isOpen) return;
  setText(details.querySelector(".id"), data.id);
  setText(details.querySelector(".scope"), data.scope);
  const requests = view.open?.key === data.key ? view.open.requests : [];
  const list = details.querySelector(".requests");
  while (list.children.length > requests.length) list.lastChild.remove();
  requests.forEach((request, index) => {
    let item = list.children[index];
    if (!item) {
      item = element("li");
      item.append(element("span"), element("span"), element("span", "bad"));
      list.append(item);
    }
    const [what, how, why] = item.children;
    setText(what, `${request.method} ${request.url}`);
    const of = request.expected === null ? "" : ` of ${bytes(request.expected)}`;
    const parts = [`${bytes(request.downloaded)}${of}`];
    if (request.status) parts.unshift(`status ${request.status}`);
    parts.push(request.result ?? "not finished");
    setText(how, parts.join(", "));
    setText(why, request.diagnostic);
  });
  const more = data.requests - requests.length;
  const moreText = details.querySelector(".more");
  setText(moreText, `and ${more.toLocaleString("en")} more`);
  moreText.hidden = more <= 0 || requests.length === 0;
}

function showPages() {
  const { offset, matching } = view;
  const last = Math.min(offset + PAGE, matching);
  const text = (n) => n.toLocaleString("en");
  byId("pages").hidden = matching <= PAGE;
  setText(
    byId("position"),
    `${text(offset + 1)}–${text(last)} of ${text(matching)}`,
  );
  byId("previous").disabled = offset === 0;
  byId("next").disabled = last >= matching;
}

function showNotifications() {
  const { notifications } = view;
  byId("notifications").hidden = notifications.length === 0;
  const list = byId("notification-list");
  const said = JSON.stringify(notifications);
  if (list.dataset.shown === said) return;
  list.dataset.shown = said;
  list.replaceChildren(...notifications.map(notificationCard));
}

function notificationCard({ scope, notification }) {
  const { title, body, tag, actions } = notification;
  const name = tag || title;
  const card = element("li", "card");
  card.append(element("h3", "name", title), element("p", "", body));
  card.append(element("p", "url", scope));
  const buttons = element("div", "actions");
  const button = (text, command) => {
    const made = element("button", "", text);
    made.setAttribute("aria-label", `${text}: ${title}`);
    made.addEventListener("click", () => send(title, command));
    buttons.append(made);
  };
  button("Open", { command: "clickNotification", name, action: "" });
  for (const { action, title: text } of actions) {
    button(text, { command: "clickNotification", name, action });
  }
  button("Dismiss", { command: "dismissNotification", name });
  card.append(buttons);
  return card;
}

function showRecent() {
  const { recent } = view;
  // What is in the list above with its buttons is not said twice.
  const gone = recent.filter(({ key }) => !rows.has(key));
  byId("recent").hidden = gone.length === 0;
  const list = byId("recent-list");
  const lines = gone.map(({ name, downloaded, succeeded, why }) =>
    succeeded
      ? element("li", "", `${name}: done, ${bytes(downloaded)}`)
      : element("li", "bad", why)
  );
  const text = lines.map((line) => line.textContent).join("\n");
  if (list.dataset.shown !== text) {
    list.dataset.shown = text;
    list.replaceChildren(...lines);
  }
  const fresh = recent.filter(({ key }) => !endedBefore?.has(key));
  if (endedBefore && fresh.length === 1) {
    say(fresh[0].succeeded ? `${fresh[0].name} is done` : fresh[0].why);
  } else if (endedBefore && fresh.length > 1) {
    say(`${fresh.length} transfers have ended`);
  }
  endedBefore = new Set(recent.map(({ key }) => key));
}

// What goes out

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-dashboard-token": token,
    },
    body: JSON.stringify(body),
  });
  const isJson = response.headers.get("content-type")?.includes("json");
  const message = isJson
    ? (await response.json()).message
    : (await response.text()).trim();
  return { ok: response.ok, message };
}

async function send(name, command) {
  try {
    const { message } = await post("command", command);
    say(`${name}: ${message}`);
  } catch {
    say(`${name}: the dashboard's process does not answer`);
  }
}

const rowOf = (target) => target.closest?.("#list > .card") ?? null;
const dataOf = (row) =>
  view.rows.find(({ key }) => key === Number(row.dataset.key));

async function act(row, action) {
  const data = dataOf(row);
  if (!data) return;
  if (action === "open") {
    wanted.open = wanted.open === data.key ? null : data.key;
    showRows();
    connect();
    return;
  }
  if (action === "abort" || action === "delete") {
    const what = action === "abort" ? "Abort" : "Delete";
    const stored = data.downloaded ? ` ${bytes(data.downloaded)} are deleted.` : "";
    if (!await confirmed(`${what} ${data.name}?${stored}`, what)) return;
  }
  await send(data.name, { command: action, key: data.key });
}

function confirmed(question, yes) {
  const dialog = byId("confirm");
  setText(byId("question"), question);
  setText(byId("yes"), yes);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => resolve(dialog.returnValue === "yes"),
      { once: true },
    );
  });
}

byId("yes").addEventListener("click", () => byId("confirm").close("yes"));
byId("no").addEventListener("click", () => byId("confirm").close(""));

byId("list").addEventListener("click", ({ target }) => {
  const button = target.closest("[data-do]");
  if (button) act(rowOf(button), button.dataset.do);
});

byId("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const input = byId("url");
  const url = input.value.trim();
  const button = event.target.querySelector("button");
  button.disabled = true;
  try {
    const { ok, message } = await post("add", { url });
    say(ok ? `${url} is added` : `${url} is not added: ${message}`);
    if (ok) input.value = "";
  } catch {
    say("The dashboard's process does not answer");
  } finally {
    button.disabled = false;
  }
});

for (const button of document.querySelectorAll("[data-filter]")) {
  button.addEventListener("click", () => {
    wanted.filter = button.dataset.filter;
    for (const other of document.querySelectorAll("[data-filter]")) {
      other.setAttribute("aria-pressed", other === button);
    }
    goTo(0);
  });
}

function goTo(offset) {
  wanted.offset = Math.max(0, offset);
  connect();
}

byId("previous").addEventListener("click", () => goTo(view.offset - PAGE));
byId("next").addEventListener("click", () => goTo(view.offset + PAGE));

let searchTimer = 0;
byId("search").addEventListener("input", ({ target }) => {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(() => {
    wanted.search = target.value.trim();
    goTo(0);
  }, 200);
});

// The keyboard

function moveFocus(by) {
  const all = [...byId("list").children];
  const now = all.indexOf(rowOf(document.activeElement));
  const next = now < 0 ? (by > 0 ? 0 : all.length - 1) : now + by;
  all[Math.min(Math.max(next, 0), all.length - 1)]?.focus();
}

const KEYS = {
  p: ["pause", "unpause"],
  r: ["retry"],
  Delete: ["abort", "delete"],
  Enter: ["open"],
};

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  const isTyping = target.matches("input");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping || byId("confirm").open || !view) return;
  if (key === "ArrowDown" || key === "ArrowUp") {
    moveFocus(key === "ArrowDown" ? 1 : -1);
  } else if (key === "/") {
    byId("search").focus();
  } else {
    const row = rowOf(target);
    // Enter on a button is the button's.
    const isButton = key === "Enter" && target.matches("button");
    const data = row && !isButton ? dataOf(row) : null;
    const may = data ? [...ACTIONS[data.state], "open"] : [];
    const action = KEYS[key]?.find((action) => may.includes(action));
    if (!action) return;
    act(row, action);
  }
  event.preventDefault();
});

document.addEventListener("visibilitychange", connect);
connect();
setInterval(showCurve, 500);
