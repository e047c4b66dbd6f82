// node search.js WORKER INDEX QUERY: the locations that the site's own search finds, as its worker in a browser would.
const fs = require("node:fs");
const vm = require("node:vm");
const [worker, index, query] = process.argv.slice(2);
const data = JSON.parse(fs.readFileSync(index, "utf8"));
const [SETUP, READY, QUERY, RESULT] = [0, 1, 2, 3];
const self = {
  postMessage({ type, data: result }) {
    if (type === READY) {
      self.onmessage({ data: { type: QUERY, data: { input: query, filter: { input: [], aggregate: [] } } } });
    } else if (type === RESULT) {
      console.log(JSON.stringify(result.items.map((item) => data.items[item.id].location)));
    } else {
      process.exit(1);
    }
  },
};
vm.runInNewContext(fs.readFileSync(worker, "utf8"), { self, Intl });
self.onmessage({ data: { type: SETUP, data } });
