const descriptor = Object.getOwnPropertyDescriptor;
const isPromised = (member) =>
  member.promise || member.type?.startsWith("Promise<");
