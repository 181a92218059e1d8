// The id of a background fetch is any DOMString; the engine keeps text as
// UTF-8, which has no lone surrogates. On the way there each becomes ESCAPE and
// its number.

(function () {
const { primordials } = __bootstrap;
const {
  NumberParseInt,
  NumberPrototypeToString,
  SafeRegExp,
  StringFromCharCode,
  StringPrototypeCharCodeAt,
  StringPrototypeReplace,
} = primordials;

// A noncharacter, which no text has a use for; one that is there all the same
// is escaped, too, with a number that is not a surrogate's.
const ESCAPE = "\u{10ffff}";
const ESCAPED_ESCAPE = `${ESCAPE}ffff`;
const TO_ESCAPE = new SafeRegExp(`${ESCAPE}|\\p{Surrogate}`, "gu");
const ESCAPED = new SafeRegExp(`${ESCAPE}([0-9a-f]{4})`, "gu");

/** @param {string} id */
function encodeId(id) {
  return StringPrototypeReplace(id, TO_ESCAPE, (found) =>
    found === ESCAPE
      ? ESCAPED_ESCAPE
      : ESCAPE + NumberPrototypeToString(StringPrototypeCharCodeAt(found, 0), 16),
  );
}

/** @param {string} id */
function decodeId(id) {
  return StringPrototypeReplace(id, ESCAPED, (escaped, number) =>
    escaped === ESCAPED_ESCAPE
      ? ESCAPE
      : StringFromCharCode(NumberParseInt(number, 16)),
  );
}

return { decodeId, encodeId };
})();
