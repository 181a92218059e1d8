/** The object that has the members of an interface. */
const holderOf = ({ name, global }) =>
  global ? globalThis : globalThis[name].prototype;

const descriptor = Object.getOwnPropertyDescriptor;
const isPromised = (member) =>
  member.promise || member.type?.startsWith("Promise<");
