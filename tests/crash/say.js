const say = (what, facts) => console.log(`${what} ${JSON.stringify(facts)}`);
const pause = () => new Promise((resolve) => setTimeout(resolve, 15));
