#!/usr/bin/env node
// Opens pages in Chromium and prints what they and their service workers say,
// as an object a line: the address of the page, and the text.
//
//   xvfb-run -a node scripts/examples_in_chromium.mjs ADDRESS LINES…
//
// LINES is how many lines at least the page and its worker are to say. The next page is
// opened when they have, and a second has passed without another one; or when
// it takes too long. `cargo test --test it browser::examples` has the
// servers.
// Chromium needs a display: without a window it registers background fetches,
// and performs none.

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How long a page may take, in milliseconds. */
const BOUND = 60_000;
/** How long nothing more is said before a page is done, in milliseconds. */
const SILENCE = 1_000;

const pages = [];
const given = process.argv.slice(2);
while (given.length > 0) {
  const [address, lines] = given.splice(0, 2);
  pages.push({ address, lines: Number(lines) });
}
if (pages.length === 0 || pages.some(({ lines }) => !(lines >= 0))) {
  console.error("usage: examples_in_chromium.mjs ADDRESS LINES…");
  process.exit(2);
}

const profile = await mkdtemp(join(tmpdir(), "examples-"));
// Otherwise it asks, and waits, before a page without a click downloads twice.
const preferences = {
  profile: { default_content_setting_values: { automatic_downloads: 1 } },
};
await mkdir(join(profile, "Default"));
await writeFile(join(profile, "Default", "Preferences"), JSON.stringify(preferences));
const chromium = spawn(process.env.CHROMIUM ?? "chromium", [
  "--no-sandbox",
  "--no-first-run",
  "--no-proxy-server",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--remote-debugging-pipe",
  `--user-data-dir=${profile}`,
  "about:blank",
], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
const ended = new Promise((resolve) => chromium.on("exit", resolve));
chromium.on("error", (error) => {
  console.error(`chromium cannot be started: ${error.message}`);
  process.exit(2);
});

const [, , , toBrowser, fromBrowser] = chromium.stdio;
toBrowser.on("error", () => {});
const answers = new Map();
const targets = new Set();
let last = 0;
let said = 0;
let lastSaid = 0;
let address;
let rest = Buffer.alloc(0);

fromBrowser.on("data", (data) => {
  rest = Buffer.concat([rest, data]);
  for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
    heard(JSON.parse(rest.subarray(0, end)));
    rest = rest.subarray(end + 1);
  }
});

function ask(method, params, sessionId) {
  last += 1;
  const id = last;
  const answer = new Promise((resolve, reject) => answers.set(id, { resolve, reject }));
  toBrowser.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  return answer;
}

function heard({ id, result, error, method, params, sessionId }) {
  if (id) {
    const { resolve, reject } = answers.get(id);
    answers.delete(id);
    return error ? reject(new Error(error.message)) : resolve(result);
  }
  if (method === "Target.attachedToTarget") {
    listen(params.sessionId, params.targetInfo.targetId);
  } else if (method === "Runtime.consoleAPICalled") {
    say(params.args.map(({ value, description }) => value ?? description).join(" "));
  } else if (method === "Runtime.exceptionThrown") {
    say(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
  }
}

/** Nothing runs in a page or worker before its console is listened to. */
function listen(session, target) {
  // A worker is attached to by the browser, and by its page.
  const isNew = !targets.has(target);
  targets.add(target);
  const asked = [
    isNew ? ask("Runtime.enable", {}, session) : Promise.resolve(),
    ask("Target.setAutoAttach", ATTACH, session),
    ask("Runtime.runIfWaitingForDebugger", {}, session),
  ];
  // It may have ended meanwhile.
  asked.forEach((answer) => answer.catch(() => {}));
}

const ATTACH = { autoAttach: true, waitForDebuggerOnStart: true, flatten: true };

function say(text) {
  console.log(JSON.stringify({ address, text }));
  said += 1;
  lastSaid = Date.now();
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

try {
  await ask("Target.setAutoAttach", ATTACH);
  for (const page of pages) {
    ({ address } = page);
    said = 0;
    const begun = lastSaid = Date.now();
    await ask("Browser.grantPermissions", {
      permissions: ["backgroundFetch", "notifications"],
      origin: new URL(address).origin,
    });
    const { targetId } = await ask("Target.createTarget", { url: address });
    while (Date.now() - begun < BOUND) {
      if (said >= page.lines && Date.now() - lastSaid > SILENCE) break;
      await pause(50);
    }
    await ask("Target.closeTarget", { targetId });
  }
} finally {
  chromium.kill("SIGKILL");
  await ended;
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
}
