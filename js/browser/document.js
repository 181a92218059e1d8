// A document as far as scripts that use Background Fetch look into one: its
// elements, their attributes and texts, and events at them. Nothing is laid
// out, nothing is parsed after the page, and no event bubbles but
// `DOMContentLoaded`.

(function () {
const { core, primordials } = __bootstrap;
const { op_document_nodes, op_document_script } = core.ops;
const { evaluateClassic } = core.loadExtScript(
  "ext:background_fetch/common/classic_script.js",
);
const { defineAttribute, eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);
const { fireEvent } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { reportException } = core.loadExtScript(
  "ext:background_fetch/common/exceptions.js",
);
const { newTask } = core.loadExtScript("ext:background_fetch/common/tasks.js");
const { append } = core.loadExtScript("ext:background_fetch/common/lists.js");
const {
  ArrayPrototypeFilter,
  ArrayPrototypeIncludes,
  ArrayPrototypeIndexOf,
  ArrayPrototypeJoin,
  ArrayPrototypeMap,
  ArrayPrototypeSlice,
  ArrayPrototypeSplice,
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeHas,
  MapPrototypeSet,
  Number,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectKeys,
  Proxy,
  RegExpPrototypeExec,
  SafeMap,
  SafeRegExp,
  String,
  StringPrototypeReplace,
  StringPrototypeSlice,
  StringPrototypeSplit,
  StringPrototypeToLowerCase,
  StringPrototypeToUpperCase,
  StringPrototypeTrim,
  SymbolFor,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { Event, EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");
const { getLocationHref } = core.loadExtScript("ext:deno_web/12_location.js");

const global = globalThis;
const privateKey = { __proto__: null };

/** Events that have a handler at every element. */
const HANDLERS = ["change", "click", "error", "input", "load", "submit"];
const readystatechangeHandler = eventHandler("readystatechange");
/** Attributes that are members of the same name. */
const REFLECTED = ["id", "title", "name", "type", "href", "src", "value"];
const FLAGS = ["hidden", "disabled", "checked"];

class Node extends EventTarget {
  _parent = null;

  constructor(key = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    super();
    this[webidl.brand] = webidl.brand;
  }

  get parentNode() {
    return this._parent;
  }

  get parentElement() {
    return this._parent?.tagName === undefined ? null : this._parent;
  }

  remove() {
    const siblings = this._parent?._nodes;
    if (siblings === undefined) return;
    ArrayPrototypeSplice(siblings, ArrayPrototypeIndexOf(siblings, this), 1);
    this._parent = null;
  }
}

class Text extends Node {
  #data;

  constructor(key, data) {
    super(key);
    this.#data = data;
  }

  get nodeType() {
    return 3;
  }

  get data() {
    return this.#data;
  }

  set data(data) {
    this.#data = String(data);
  }

  get textContent() {
    return this.#data;
  }

  set textContent(data) {
    this.#data = String(data);
  }
}

class ParentNode extends Node {
  _nodes = [];

  get childNodes() {
    return ArrayPrototypeSlice(this._nodes);
  }

  get children() {
    return ArrayPrototypeFilter(this._nodes, isElement);
  }

  get firstElementChild() {
    return this.children[0] ?? null;
  }

  get textContent() {
    const texts = ArrayPrototypeMap(this._nodes, (node) => node.textContent);
    return ArrayPrototypeJoin(texts, "");
  }

  set textContent(text) {
    this.replaceChildren(String(text));
  }

  append(...nodes) {
    for (let i = 0; i < nodes.length; i++) {
      const node = toNode(nodes[i]);
      node.remove();
      node._parent = this;
      append(this._nodes, node);
    }
  }

  prepend(...nodes) {
    for (let i = nodes.length - 1; i >= 0; i--) {
      const node = toNode(nodes[i]);
      node.remove();
      node._parent = this;
      ArrayPrototypeSplice(this._nodes, 0, 0, node);
    }
  }

  appendChild(node) {
    this.append(node);
    return node;
  }

  removeChild(node) {
    node.remove();
    return node;
  }

  replaceChildren(...nodes) {
    const before = ArrayPrototypeSlice(this._nodes);
    for (let i = 0; i < before.length; i++) before[i].remove();
    this.append(...nodes);
  }

  querySelector(selectors) {
    return this.querySelectorAll(selectors)[0] ?? null;
  }

  querySelectorAll(selectors) {
    const wanted = parseSelectors(selectors);
    return ArrayPrototypeFilter(
      descendants(this, []),
      (element) => matchesAny(element, wanted),
    );
  }

  getElementsByTagName(name) {
    return this.querySelectorAll(name);
  }

  getElementsByClassName(name) {
    return this.querySelectorAll(`.${name}`);
  }
}

class Element extends ParentNode {
  #tag;
  #attributes = new SafeMap();
  #dataset = null;
  #style = null;
  #classList = null;

  constructor(key, tag) {
    super(key);
    this.#tag = tag;
  }

  get nodeType() {
    return 1;
  }

  get tagName() {
    return StringPrototypeToUpperCase(this.#tag);
  }

  get localName() {
    return this.#tag;
  }

  getAttribute(name) {
    return MapPrototypeGet(this.#attributes, attributeName(name)) ?? null;
  }

  hasAttribute(name) {
    return MapPrototypeHas(this.#attributes, attributeName(name));
  }

  setAttribute(name, value) {
    MapPrototypeSet(this.#attributes, attributeName(name), String(value));
  }

  removeAttribute(name) {
    MapPrototypeDelete(this.#attributes, attributeName(name));
  }

  toggleAttribute(name, force = !this.hasAttribute(name)) {
    if (force) this.setAttribute(name, this.getAttribute(name) ?? "");
    else this.removeAttribute(name);
    return force;
  }

  get className() {
    return this.getAttribute("class") ?? "";
  }

  set className(value) {
    this.setAttribute("class", value);
  }

  get classList() {
    return this.#classList ??= new DOMTokenList(privateKey, this);
  }

  get dataset() {
    return this.#dataset ??= new Proxy({ __proto__: null }, {
      __proto__: null,
      get: (_, name) => this.getAttribute(dataName(name)) ?? undefined,
      set: (_, name, value) => {
        this.setAttribute(dataName(name), value);
        return true;
      },
      has: (_, name) => this.hasAttribute(dataName(name)),
      deleteProperty: (_, name) => {
        this.removeAttribute(dataName(name));
        return true;
      },
    });
  }

  // What a script writes here is kept, and is not shown.
  get style() {
    return this.#style ??= { __proto__: null };
  }

  get innerText() {
    return this.textContent;
  }

  set innerText(text) {
    this.textContent = text;
  }

  get max() {
    return Number(this.getAttribute("max") ?? 1);
  }

  set max(value) {
    this.setAttribute("max", value);
  }

  // <input type="file">: the user has chosen none.
  get files() {
    return this.#tag === "input" ? [] : undefined;
  }

  matches(selectors) {
    return matchesAny(this, parseSelectors(selectors));
  }

  closest(selectors) {
    const wanted = parseSelectors(selectors);
    for (let element = this; element !== null; element = element.parentElement) {
      if (matchesAny(element, wanted)) return element;
    }
    return null;
  }

  click() {
    fireEvent(this, new Event("click", { __proto__: null, cancelable: true }));
  }

  focus() {}

  blur() {}
}

for (let i = 0; i < REFLECTED.length; i++) {
  const name = REFLECTED[i];
  defineMember(Element.prototype, name, {
    get [name]() {
      return this.getAttribute(name) ?? "";
    },
    set [name](value) {
      this.setAttribute(name, value);
    },
  });
}
for (let i = 0; i < FLAGS.length; i++) {
  const name = FLAGS[i];
  defineMember(Element.prototype, name, {
    get [name]() {
      return this.hasAttribute(name);
    },
    set [name](value) {
      this.toggleAttribute(name, !!value);
    },
  });
}
for (let i = 0; i < HANDLERS.length; i++) {
  const { get, set } = eventHandler(HANDLERS[i]);
  const name = `on${HANDLERS[i]}`;
  defineMember(Element.prototype, name, {
    get [name]() {
      return get(this);
    },
    set [name](value) {
      set(this, value);
    },
  });
}

function defineMember(prototype, name, holder) {
  ObjectDefineProperty(
    prototype,
    name,
    ObjectGetOwnPropertyDescriptor(holder, name),
  );
}

class DOMTokenList {
  #element;

  constructor(key, element) {
    if (key !== privateKey) webidl.illegalConstructor();
    this.#element = element;
  }

  #tokens() {
    return words(this.#element.className);
  }

  contains(token) {
    return ArrayPrototypeIncludes(this.#tokens(), token);
  }

  add(...tokens) {
    for (let i = 0; i < tokens.length; i++) this.toggle(tokens[i], true);
  }

  remove(...tokens) {
    for (let i = 0; i < tokens.length; i++) this.toggle(tokens[i], false);
  }

  toggle(token, force = !this.contains(token)) {
    const rest = ArrayPrototypeFilter(this.#tokens(), (t) => t !== token);
    if (force) append(rest, token);
    this.#element.className = ArrayPrototypeJoin(rest, " ");
    return force;
  }
}

class Document extends ParentNode {
  #readyState = "loading";

  get nodeType() {
    return 9;
  }

  get readyState() {
    return this.#readyState;
  }

  _setReadyState(state) {
    this.#readyState = state;
    fireEvent(this, new Event("readystatechange"));
  }

  get onreadystatechange() {
    return readystatechangeHandler.get(this);
  }

  set onreadystatechange(value) {
    readystatechangeHandler.set(this, value);
  }

  get URL() {
    return getLocationHref();
  }

  get baseURI() {
    return getLocationHref();
  }

  get defaultView() {
    return global;
  }

  get currentScript() {
    return null;
  }

  get hidden() {
    return true;
  }

  get visibilityState() {
    return "hidden";
  }

  get documentElement() {
    return this.querySelector("html") ?? this.firstElementChild;
  }

  get head() {
    return this.querySelector("head");
  }

  get body() {
    return this.querySelector("body");
  }

  get title() {
    return StringPrototypeTrim(this.querySelector("title")?.textContent ?? "");
  }

  set title(text) {
    const title = this.querySelector("title");
    if (title !== null) title.textContent = text;
  }

  getElementById(id) {
    const all = descendants(this, []);
    for (let i = 0; i < all.length; i++) {
      if (all[i].getAttribute("id") === id) return all[i];
    }
    return null;
  }

  createElement(tag) {
    return new Element(privateKey, StringPrototypeToLowerCase(String(tag)));
  }

  createTextNode(data) {
    return new Text(privateKey, String(data));
  }
}

const isElement = (node) => node.nodeType === 1;
const attributeName = (name) => StringPrototypeToLowerCase(String(name));

function toNode(node) {
  return node?.nodeType === undefined
    ? new Text(privateKey, String(node))
    : node;
}

function words(text) {
  return ArrayPrototypeFilter(
    StringPrototypeSplit(StringPrototypeTrim(text), SPACES),
    (word) => word !== "",
  );
}

const SPACES = new SafeRegExp(/\s+/);
const CAPITAL = new SafeRegExp(/[A-Z]/g);

function dataName(name) {
  const dashed = StringPrototypeReplace(
    String(name),
    CAPITAL,
    (letter) => `-${StringPrototypeToLowerCase(letter)}`,
  );
  return `data-${dashed}`;
}

function descendants(parent, found) {
  for (let i = 0; i < parent._nodes.length; i++) {
    const node = parent._nodes[i];
    if (!isElement(node)) continue;
    append(found, node);
    descendants(node, found);
  }
  return found;
}

const PART = new SafeRegExp(
  /^(?:(\*|[a-z][a-z0-9-]*)|#([\w-]+)|\.([\w-]+)|\[([\w-]+)(?:=["']?([^"'\]]*)["']?)?\])/i,
);

/** Compound selectors, with descendants or children between; others throw. */
function parseSelectors(selectors) {
  return ArrayPrototypeMap(
    StringPrototypeSplit(String(selectors), ","),
    (selector) => {
      const compounds = [];
      let isChild = false;
      const tokens = words(selector);
      for (let i = 0; i < tokens.length; i++) {
        if (tokens[i] === ">" && compounds.length > 0) {
          isChild = true;
          continue;
        }
        const parts = parseCompound(tokens[i], selectors);
        append(compounds, { __proto__: null, parts, isChild });
        isChild = false;
      }
      if (compounds.length === 0 || isChild) throw unknownSelector(selectors);
      return compounds;
    },
  );
}

function parseCompound(compound, selectors) {
  const parts = [];
  let rest = compound;
  while (rest !== "") {
    const part = RegExpPrototypeExec(PART, rest);
    if (part === null) throw unknownSelector(selectors);
    append(parts, part);
    rest = StringPrototypeSlice(rest, part[0].length);
  }
  return parts;
}

function unknownSelector(selectors) {
  return new DOMException(
    `"${selectors}" is not a selector that is understood here`,
    "SyntaxError",
  );
}

function matchesAny(element, selectors) {
  for (let i = 0; i < selectors.length; i++) {
    if (matches(element, selectors[i], selectors[i].length - 1)) return true;
  }
  return false;
}

function matches(element, compounds, last) {
  const { parts, isChild } = compounds[last];
  if (!matchesCompound(element, parts)) return false;
  if (last === 0) return true;
  for (let above = element.parentElement; above; above = above.parentElement) {
    if (matches(above, compounds, last - 1)) return true;
    if (isChild) return false;
  }
  return false;
}

function matchesCompound(element, parts) {
  for (let i = 0; i < parts.length; i++) {
    const { 1: tag, 2: id, 3: name, 4: attribute, 5: value } = parts[i];
    const matches = tag !== undefined
      ? tag === "*" || StringPrototypeToLowerCase(tag) === element.localName
      : id !== undefined
      ? element.getAttribute("id") === id
      : name !== undefined
      ? element.classList.contains(name)
      : value === undefined
      ? element.hasAttribute(attribute)
      : element.getAttribute(attribute) === value;
    if (!matches) return false;
  }
  return true;
}

function build(nodes, parent) {
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i];
    if (typeof node === "string") {
      parent.append(node);
      continue;
    }
    const element = new Element(privateKey, node.tag);
    const names = ObjectKeys(node.attributes);
    for (let j = 0; j < names.length; j++) {
      element.setAttribute(names[j], node.attributes[names[j]]);
    }
    build(node.children, element);
    parent.append(element);
  }
}

/** Defines `document`, and what the host loads the page by. */
function openDocument() {
  const document = new Document(privateKey);
  build(op_document_nodes(), document);
  defineAttribute(global, "document", () => document);
  const interfaces = { __proto__: null, Document, Element, Node, Text };
  for (const name in interfaces) {
    ObjectDefineProperty(global, name, {
      __proto__: null,
      value: interfaces[name],
      enumerable: false,
      configurable: true,
      writable: true,
    });
  }
  const page = {
    __proto__: null,
    classic(index) {
      const { 0: url, 1: source } = op_document_script(index);
      const error = evaluateClassic(source, url);
      if (error !== null) reportException(error.thrown);
    },
    async module(load) {
      try {
        await load();
      } catch (error) {
        reportException(error);
      }
    },
    interactive() {
      document._setReadyState("interactive");
    },
    // https://html.spec.whatwg.org/#the-end
    async end() {
      // Step 6.1: fire `DOMContentLoaded` in a task of its own.
      const contentLoaded = () =>
        new Event("DOMContentLoaded", { __proto__: null, bubbles: true });
      await newTask();
      fireEvent(document, contentLoaded());
      fireEvent(global, contentLoaded());
      // Step 9: everything is loaded: fire `load`, in another task.
      await newTask();
      document._setReadyState("complete");
      fireEvent(global, new Event("load"));
    },
  };
  ObjectDefineProperty(global, SymbolFor("background_fetch.page"), {
    __proto__: null,
    value: page,
    configurable: true,
  });
}

return { openDocument };
})();
