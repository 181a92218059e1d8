// As much of a document as the helpers of the tests touch: elements that can
// be made and inserted, scripts that then run, and a policy in a <meta>.

(function () {
const { core } = __bootstrap;
const { op_wpt_add_csp } = core.ops;
const {
  closeFrame,
  contentDocument,
  contentWindow,
  open,
  openFrame,
  opener,
  parent,
  unloadFrames,
} = core.loadExtScript("ext:wpt_host/frames.js");
const host = globalThis[Symbol.for("wpt.host")];

class Node extends EventTarget {
  parentNode = null;
  childNodes = [];

  get ownerDocument() {
    return document;
  }

  get textContent() {
    return this.childNodes.map((child) => child.textContent).join("");
  }

  set textContent(text) {
    this.childNodes = [new Text(text)];
  }

  appendChild(child) {
    child.remove();
    child.parentNode = this;
    this.childNodes.push(child);
    if (document.contains(this)) inserted(child);
    return child;
  }

  removeChild(child) {
    this.childNodes = this.childNodes.filter((other) => other !== child);
    child.parentNode = null;
    closeFrame(child);
    return child;
  }

  remove() {
    this.parentNode?.removeChild(this);
  }

  contains(node) {
    for (; node !== null; node = node.parentNode) {
      if (node === this) return true;
    }
    return false;
  }
}

class Text extends Node {
  constructor(data) {
    super();
    this.data = String(data);
  }

  get textContent() {
    return this.data;
  }
}

class Element extends Node {
  #attributes = new Map();
  // By the page's source: anyone who reads that runs it.
  parserInserted = false;
  onload = null;
  onerror = null;
  style = {};

  constructor(name) {
    super();
    this.localName = String(name).toLowerCase();
    this.tagName = this.localName.toUpperCase();
    for (const type of ["load", "error"]) {
      this.addEventListener(type, (event) => this[`on${type}`]?.(event));
    }
  }

  getAttribute(name) {
    return this.#attributes.get(name.toLowerCase()) ?? null;
  }

  setAttribute(name, value) {
    this.#attributes.set(name.toLowerCase(), String(value));
  }

  hasAttribute(name) {
    return this.#attributes.has(name.toLowerCase());
  }

  removeAttribute(name) {
    this.#attributes.delete(name.toLowerCase());
  }

  click() {
    this.dispatchEvent(new Event("click"));
  }

  getElementsByTagName(name) {
    const found = [];
    for (const child of this.childNodes) {
      if (!(child instanceof Element)) continue;
      if (name === "*" || child.localName === name.toLowerCase()) {
        found.push(child);
      }
      found.push(...child.getElementsByTagName(name));
    }
    return found;
  }

  get contentWindow() {
    return this.localName === "iframe" ? contentWindow(this) : undefined;
  }

  get contentDocument() {
    return this.localName === "iframe" ? contentDocument(this) : undefined;
  }

  focus() {}

  // Names and ids; no other selector is known.
  querySelectorAll(selector) {
    return selector.startsWith("#")
      ? this.getElementsByTagName("*").filter(
        (element) => element.id === selector.slice(1),
      )
      : this.getElementsByTagName(selector);
  }

  querySelector(selector) {
    return this.querySelectorAll(selector)[0] ?? null;
  }
}

for (const [property, attribute] of [
  ["id", "id"],
  ["className", "class"],
  ["name", "name"],
  ["content", "content"],
  ["httpEquiv", "http-equiv"],
  ["type", "type"],
]) {
  Object.defineProperty(Element.prototype, property, {
    get() {
      return this.getAttribute(attribute) ?? "";
    },
    set(value) {
      this.setAttribute(attribute, value);
    },
  });
}
Object.defineProperty(Element.prototype, "src", {
  get() {
    const src = this.getAttribute("src");
    return src === null ? "" : new URL(src, location.href).href;
  },
  set(value) {
    this.setAttribute("src", value);
  },
});

function inserted(element) {
  if (!(element instanceof Element)) return;
  if (element.localName === "meta") insertedMeta(element);
  if (element.localName === "script" && !element.parserInserted) {
    setTimeout(() => runScript(element));
  }
  if (element.localName === "iframe" && element.src !== "") openFrame(element);
  for (const child of element.childNodes) inserted(child);
}

// https://html.spec.whatwg.org/multipage/semantics.html#attr-meta-http-equiv-content-security-policy
function insertedMeta({ httpEquiv, content }) {
  if (httpEquiv.toLowerCase() === "content-security-policy") {
    op_wpt_add_csp(content);
  }
}

function runScript(element) {
  if (element.src === "") {
    host.run(element.textContent, location.href);
    return;
  }
  let script;
  try {
    script = host.load(element.src);
  } catch {
    element.dispatchEvent(new Event("error"));
    return;
  }
  host.run(script.text, script.href);
  element.dispatchEvent(new Event("load"));
}

class Document extends Element {
  readyState = "loading";

  constructor() {
    super("#document");
    this.documentElement = new Element("html");
    this.head = new Element("head");
    this.body = new Element("body");
  }

  get defaultView() {
    return globalThis;
  }

  get location() {
    return globalThis.location;
  }

  get URL() {
    return globalThis.location.href;
  }

  get baseURI() {
    return globalThis.location.href;
  }

  get title() {
    return this.querySelector("title")?.textContent ?? "";
  }

  createElement(name) {
    return new Element(name);
  }

  createElementNS(_namespace, name) {
    return new Element(name);
  }

  createTextNode(data) {
    return new Text(data);
  }

  getElementById(id) {
    return this.querySelector(`#${id}`);
  }
}

const document = new Document();
document.appendChild(document.documentElement);
document.documentElement.appendChild(document.head);
document.documentElement.appendChild(document.body);
Object.assign(globalThis, { document, Document, Element, Node, Text });

const define = (name, value) =>
  Object.defineProperty(globalThis, name, { value, configurable: true });
define("frames", globalThis);
define("open", open);
define("opener", opener);
define("parent", parent);
define("top", parent);

/** Appends an element of the page's source. */
host.append = (name, attributes, text) => {
  const element = new Element(name);
  element.parserInserted = true;
  for (const [key, value] of attributes) element.setAttribute(key, value);
  if (text !== "") element.appendChild(new Text(text));
  document.head.appendChild(element);
};

/** The page's source, with this text in its body, is at its end. */
host.loaded = (text) => {
  if (text !== "") document.body.appendChild(new Text(text));
  document.readyState = "interactive";
  document.dispatchEvent(new Event("DOMContentLoaded", { bubbles: true }));
  document.readyState = "complete";
  globalThis.dispatchEvent(new Event("load"));
};

/** The page goes away. */
host.unload = () => {
  for (const type of ["pagehide", "unload"]) {
    globalThis.dispatchEvent(new Event(type));
  }
  unloadFrames();
};
})();
