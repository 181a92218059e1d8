// What an <iframe> shows.

(function () {
const { core } = __bootstrap;
const { op_wpt_close_frame, op_wpt_open_frame } = core.ops;

// The number of each element's page.
const frames = new Map();
let opened = 0;

// A page in a realm of its own, without a window object to reach it by.
async function openFrame(element) {
  const number = ++opened;
  frames.set(element, number);
  const loaded = await op_wpt_open_frame(number, element.src);
  element.dispatchEvent(new Event(loaded ? "load" : "error"));
}

function closeFrame(element) {
  if (!frames.has(element)) return;
  op_wpt_close_frame(frames.get(element));
  frames.delete(element);
}

return { closeFrame, openFrame };
})();
