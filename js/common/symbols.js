// What deno's classes keep under symbols of their own.

(function () {
const { primordials } = __bootstrap;
const {
  ObjectGetOwnPropertySymbols,
  SymbolPrototypeGetDescription,
  TypeError,
} = primordials;

/** The symbol with this description under which `object` has something. */
function symbolOf(object, description) {
  const symbols = ObjectGetOwnPropertySymbols(object);
  for (let i = 0; i < symbols.length; i++) {
    if (SymbolPrototypeGetDescription(symbols[i]) === description) {
      return symbols[i];
    }
  }
  throw new TypeError(`deno has nothing under the symbol ${description}`);
}

return { symbolOf };
})();
