// Uses the dashboard in a headless Chromium as a person does, with the
// keyboard, and takes pictures of it:
//
//   node scripts/dashboard.mjs ADDRESS [DIRECTORY]
//
// ADDRESS is what `bgfetch dashboard` prints; one transfer that can be paused
// has to be under way. Fails when something is not as it should be, or when the
// page's policy had to refuse anything.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { startChromium } from "./chromium.mjs";

const [address, pictures] = process.argv.slice(2);
/** Nothing takes longer, in milliseconds. */
const BOUND = 60_000;

const problems = [];
let session;

function heard({ method, params }) {
  if (method === "Log.entryAdded" && params.entry.level === "error") {
    problems.push(params.entry.text);
  } else if (method === "Runtime.exceptionThrown") {
    problems.push(params.exceptionDetails.exception?.description);
  }
}

const chromium = await startChromium({ flags: ["--headless=new"], heard });
setTimeout(() => {
  console.error(`not within ${BOUND} ms`);
  chromium.kill();
  process.exit(1);
}, BOUND).unref();

const ask = (method, params = {}) => chromium.ask(method, params, session);

async function evaluate(expression) {
  const { result, exceptionDetails } = await ask("Runtime.evaluate", {
    expression,
    awaitPromise: true,
    returnByValue: true,
    // The tools may do what a page may not.
    allowUnsafeEvalBlockedByCSP: false,
  });
  assert(!exceptionDetails, JSON.stringify(exceptionDetails));
  return result.value;
}

/** Waits until the page says so. */
async function until(expression) {
  while (!await evaluate(`Boolean(${expression})`)) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function press(key, code = key, text) {
  const params = { key, code, windowsVirtualKeyCode: KEY_CODES[key] ?? 0 };
  await ask("Input.dispatchKeyEvent", { type: "keyDown", text, ...params });
  await ask("Input.dispatchKeyEvent", { type: "keyUp", ...params });
}

const KEY_CODES = { ArrowDown: 40, Enter: 13, Delete: 46, Tab: 9, Escape: 27 };

async function picture(name, width, height, scheme) {
  await ask("Emulation.setDeviceMetricsOverride", {
    width,
    height,
    deviceScaleFactor: 1,
    mobile: width < 500,
  });
  await ask("Emulation.setEmulatedMedia", {
    features: [{ name: "prefers-color-scheme", value: scheme }],
  });
  const overflow = "document.documentElement.scrollWidth - innerWidth";
  assert(await evaluate(overflow) <= 0, `${name} is too wide`);
  if (!pictures) return;
  const { data } = await ask("Page.captureScreenshot", { format: "png" });
  await writeFile(join(pictures, `${name}.png`), Buffer.from(data, "base64"));
}

async function allPictures(name) {
  await picture(`${name}-light`, 1000, 800, "light");
  await picture(`${name}-dark`, 1000, 800, "dark");
  await picture(`${name}-phone`, 390, 844, "light");
  await picture(`${name}-phone-dark`, 390, 844, "dark");
}

/** Every colour of text against what is behind it, as WCAG 2 counts. */
const CONTRAST = `(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = rgb(color).map((c) => {
      const part = c / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (rgb(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const texts = [...element.childNodes].filter((node) =>
      node.nodeType === 3 && node.textContent.trim());
    if (!texts.length || !element.checkVisibility()) continue;
    if (element.closest(":disabled")) continue;
    const pair = [getComputedStyle(element).color, ground(element)].map(light);
    const [dark, bright] = pair.sort((a, b) => a - b);
    const contrast = (bright + 0.05) / (dark + 0.05);
    if (contrast < 4.5) low.push(element.textContent + ": " + contrast);
  }
  return low;
})()`;

/** What can be used has a name, and a label that people can read. */
const NAMELESS = `[...document.querySelectorAll("button, input, progress")]
  .filter((element) => element.checkVisibility())
  .filter((element) => !element.ariaLabel && !element.textContent.trim()
    && !element.labels?.length)
  .map((element) => element.outerHTML)`;

const focused = "document.activeElement.closest('.card')?.dataset";

try {
  const { targetInfos } = await ask("Target.getTargets");
  const { targetId } = targetInfos.find(({ type }) => type === "page");
  ({ sessionId: session } = await ask("Target.attachToTarget", {
    targetId,
    flatten: true,
  }));
  for (const domain of ["Page", "Log", "Runtime"]) {
    await ask(`${domain}.enable`);
  }
  await ask("Page.navigate", { url: address });
  const row = "document.querySelector('#list .card[data-state=running]')";
  await until(row);
  // The curve has to have something to show.
  await until("document.querySelector('#line').points.length > 4");
  await allPictures("running");
  for (const scheme of ["light", "dark"]) {
    await picture(`contrast-${scheme}`, 1000, 800, scheme);
    assert.deepEqual(await evaluate(CONTRAST), [], scheme);
  }
  assert.deepEqual(await evaluate(NAMELESS), []);

  // The keyboard alone.
  const running = "[...document.querySelectorAll('#list .card')]"
    + ".findIndex((card) => card.dataset.state === 'running')";
  for (let at = await evaluate(running); at >= 0; at -= 1) {
    await press("ArrowDown");
  }
  assert.equal(await evaluate(`${focused}.state`), "running");
  await press("p", "KeyP", "p");
  await until(`${focused}?.state === "paused"`);
  await until("document.querySelector('#said').textContent.includes('paused')");
  await press("Enter", "Enter", "\r");
  await until("document.activeElement.querySelector('.requests li')");
  await allPictures("paused");
  await press("Delete");
  await until("document.querySelector('#confirm').open");
  await allPictures("question");
  await press("Escape");
  await until("!document.querySelector('#confirm').open");
  assert.equal(await evaluate(`${focused}.state`), "paused");
  await press("p", "KeyP", "p");
  await until(`${focused}?.state !== "paused"`);

  // The page's policy is in force, and nothing of the page was against it.
  assert.deepEqual(problems, []);
  const refused = await evaluate(`(() => {
    try { new Function("1")(); return false; } catch { return true; }
  })()`);
  assert(refused, "the policy lets strings become scripts");
  console.log("ok");
} finally {
  await chromium.end();
}
