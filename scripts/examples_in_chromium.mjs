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

import { startChromium } from "./chromium.mjs";

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

const targets = new Set();
let said = 0;
let lastSaid = 0;
let address;

function heard({ method, params }) {
  if (method === "Target.attachedToTarget") {
    listen(params.sessionId, params.targetInfo.targetId);
  } else if (method === "Runtime.consoleAPICalled") {
    say(params.args.map(({ value, description }) => value ?? description).join(" "));
  } else if (method === "Runtime.exceptionThrown") {
    say(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
  }
}

const chromium = await startChromium({
  flags: [
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
  ],
  // Otherwise it asks, and waits, before a page without a click downloads twice.
  preferences: {
    profile: { default_content_setting_values: { automatic_downloads: 1 } },
  },
  heard,
});
const { ask } = chromium;

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
  await chromium.end();
}
