#!/usr/bin/env node
// Runs pages of tests in Chromium, the one browser with background fetches,
// and prints what each subtest did there. `cargo wpt --serve` has to be up.
//
//   apt-get install chromium xvfb
//   npm install --prefix /tmp/playwright playwright-core
//   PLAYWRIGHT=/tmp/playwright xvfb-run -a node wpt/chromium.mjs \
//     background-fetch/get.https.any.html
//
// A subtest that crashes the browser is a CRASH; the others of its page then
// run in a new one.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(`${process.env.PLAYWRIGHT ?? "."}/`);
const { chromium } = require("playwright-core");

const ORIGIN = "https://web-platform.test:8443";
/** How long a page may take, in milliseconds. */
const BOUND = 600_000;
const STATUS = ["PASS", "FAIL", "TIMEOUT", "NOTRUN", "PRECONDITION_FAILED"];

/** A browser of its own for `f`. */
async function inBrowser(f) {
  const profile = mkdtempSync(join(tmpdir(), "chromium-wpt-"));
  // Without a window it registers background fetches, and performs none.
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: false,
    ignoreHTTPSErrors: true,
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--no-proxy-server",
      "--disable-background-networking", "--disable-component-update",
      "--ignore-certificate-errors", "--host-resolver-rules=MAP *.test 127.0.0.1"],
  });
  try {
    return await f(context);
  } finally {
    // One that has crashed may never say that it is closed.
    await Promise.race([
      context.close().catch(() => {}),
      new Promise((resolve) => setTimeout(resolve, 5000)),
    ]);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Runs in the page, before its scripts: tells of tests, leaves out `skipped`. */
function watch(skipped) {
  let promiseTest;
  Object.defineProperty(globalThis, "promise_test", {
    configurable: true,
    get: () => promiseTest,
    set(original) {
      promiseTest = (f, name) => {
        if (skipped.includes(name)) return;
        original(async (t) => {
          await globalThis.subtestBegins(name);
          return f(t);
        }, name);
      };
    },
  });
  globalThis.pageCompletes = new Promise((resolve) =>
    addEventListener("DOMContentLoaded", () => {
      setup({ timeout_multiplier: 10 });
      add_result_callback(({ name, status, message }) =>
        globalThis.subtestEnds({ name, status, message }));
      add_completion_callback((tests) =>
        resolve(tests.map(({ name, status, message }) => ({ name, status, message }))));
    }));
}

/** Adds the results to `results`; gives whether the page came to its end. */
const visit = (path, results) => inBrowser(async (context) => {
  let running = null;
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Browser.grantPermissions",
    { permissions: ["backgroundFetch"], origin: ORIGIN });
  await page.exposeFunction("subtestBegins", (name) => { running = name; });
  const add = ({ name, status, message }) =>
    results.set(name, { status: STATUS[status], message });
  await page.exposeFunction("subtestEnds", add);
  await page.addInitScript(watch, [...results.keys()]);
  try {
    await page.goto(`${ORIGIN}/${path}`, { timeout: 30_000 });
    const late = new Promise((_, reject) =>
      setTimeout(reject, BOUND, new Error("it takes too long")).unref());
    const all = await Promise.race([page.evaluate(() => globalThis.pageCompletes), late]);
    all.forEach(add);
    return true;
  } catch (error) {
    if (running === null) throw error;
    results.set(running, { status: "CRASH", message: error.message });
    return false;
  }
});

const paths = process.argv.slice(2);
if (paths.length === 0) {
  console.error("usage: chromium.mjs PAGE…");
  process.exit(2);
}
for (const path of paths) {
  const results = new Map();
  while (!await visit(path, results));
  const passed = [...results.values()].filter(({ status }) => status === "PASS");
  console.log(`/${path}: ${passed.length} of ${results.size}`);
  for (const [name, { status, message }] of results) {
    const why = status === "PASS" || !message ? "" : ` | ${message.split("\n")[0]}`;
    console.log(`  ${status.padEnd(8)} ${name}${why}`);
  }
}
process.exit(0);
