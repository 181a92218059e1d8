// What an <iframe> shows, and what window.open() opens: pages in realms of their
// own, without a window object to reach them by.

(function () {
const { core } = __bootstrap;
const {
  op_wpt_close_frame,
  op_wpt_next_from_frame,
  op_wpt_open_frame,
  op_wpt_opened_by,
  op_wpt_post_to_opener,
} = core.ops;

// The number of each element's page, and what it shows.
const frames = new Map();
const documents = new Map();
let opened = 0;

async function openFrame(element) {
  const number = ++opened;
  if (number === 1) receive();
  frames.set(element, number);
  const shown = await op_wpt_open_frame(number, element.src, false);
  if (frames.get(element) !== number) return;
  documents.set(element, shown?.body ?? null);
  // One that cannot be loaded shows an error, which is loaded.
  element.dispatchEvent(new Event("load"));
}

function closeFrame(element) {
  if (!frames.has(element)) return;
  op_wpt_close_frame(frames.get(element));
  frames.delete(element);
  documents.delete(element);
}

/** What an <iframe> shows, as it was loaded: its scripts change nothing of it. */
function contentDocument(element) {
  const body = documents.get(element) ?? null;
  if (body === null) return null;
  return { body: { innerHTML: body.html, textContent: body.text } };
}

/**
 * An <iframe> that shows about:blank: as much of it as tests use that fetch from
 * there when it goes away.
 */
class BlankWindow extends EventTarget {
  fetch(...request) {
    return globalThis.fetch(...request);
  }
}
const blanks = new Map();

function contentWindow(element) {
  if (element.src !== "") return undefined;
  if (!blanks.has(element)) blanks.set(element, new BlankWindow());
  return blanks.get(element);
}

function unloadFrames() {
  for (const blank of blanks.values()) {
    blank.dispatchEvent(new Event("unload"));
  }
}

/** As much of a window as tests use that close it. */
function open(url) {
  const number = ++opened;
  if (number === 1) receive();
  op_wpt_open_frame(number, new URL(url, location.href).href, true);
  return {
    closed: false,
    close() {
      this.closed = true;
      op_wpt_close_frame(number);
    },
  };
}

// What the pages have to say to the one that has opened them.
async function receive() {
  while (true) {
    const next = op_wpt_next_from_frame();
    core.unrefOpPromise(next);
    const message = await next;
    if (message === null) return;
    const { data, origin } = message;
    const event = new MessageEvent("message", {
      data: JSON.parse(data),
      origin,
    });
    globalThis.dispatchEvent(event);
    // No other page speaks to one of the product, so it has no such handler.
    globalThis.onmessage?.(event);
  }
}

/** The page that has opened this one; only what is JSON reaches it. */
const opener = {
  postMessage(data) {
    op_wpt_post_to_opener(JSON.stringify(data), location.origin);
  },
};
const openedBy = op_wpt_opened_by();

return {
  closeFrame,
  contentDocument,
  contentWindow,
  open,
  openFrame,
  opener: openedBy === "window" ? opener : null,
  parent: openedBy === "iframe" ? opener : globalThis,
  unloadFrames,
};
})();
