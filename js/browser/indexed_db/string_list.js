// https://html.spec.whatwg.org/multipage/common-dom-interfaces.html#the-domstringlist-interface

(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypeIncludes,
  ArrayPrototypeSort,
  ObjectDefineProperty,
  SymbolIterator,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

const privateKey = { __proto__: null };

class DOMStringList {
  #strings;

  constructor(key = undefined, strings = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
    this.#strings = strings;
    for (let i = 0; i < strings.length; i++) {
      ObjectDefineProperty(this, i, {
        __proto__: null,
        value: strings[i],
        enumerable: true,
        configurable: true,
        writable: false,
      });
    }
  }

  get length() {
    webidl.assertBranded(this, DOMStringListPrototype);
    return this.#strings.length;
  }

  item(index) {
    webidl.assertBranded(this, DOMStringListPrototype);
    const prefix = "Failed to execute 'item' on 'DOMStringList'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    index = webidl.converters["unsigned long"](index, prefix, "Argument 1");
    return index < this.#strings.length ? this.#strings[index] : null;
  }

  contains(string) {
    webidl.assertBranded(this, DOMStringListPrototype);
    const prefix = "Failed to execute 'contains' on 'DOMStringList'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    string = webidl.converters.DOMString(string, prefix, "Argument 1");
    return ArrayPrototypeIncludes(this.#strings, string);
  }
}

webidl.configureInterface(DOMStringList);
const DOMStringListPrototype = DOMStringList.prototype;
ObjectDefineProperty(DOMStringListPrototype, SymbolIterator, {
  __proto__: null,
  value: [][SymbolIterator],
  enumerable: false,
  configurable: true,
  writable: true,
});

/** https://w3c.github.io/IndexedDB/#sorted-name-list of `strings`, which it takes. */
function sortedList(strings) {
  // By code units, which is how strings are sorted.
  return new DOMStringList(privateKey, ArrayPrototypeSort(strings));
}

return { DOMStringList, sortedList };
})();
