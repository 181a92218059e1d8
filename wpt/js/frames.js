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

// The number of each element's page.
const frames = new Map();
let opened = 0;

async function openFrame(element) {
  const number = ++opened;
  if (number === 1) receive();
  frames.set(element, number);
  const loaded = await op_wpt_open_frame(number, element.src, false);
  element.dispatchEvent(new Event(loaded ? "load" : "error"));
}

function closeFrame(element) {
  if (!frames.has(element)) return;
  op_wpt_close_frame(frames.get(element));
  frames.delete(element);
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
    globalThis.dispatchEvent(
      new MessageEvent("message", { data: JSON.parse(data), origin }),
    );
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
  contentWindow,
  open,
  openFrame,
  opener: openedBy === "window" ? opener : null,
  parent: openedBy === "iframe" ? opener : globalThis,
  unloadFrames,
};
})();
