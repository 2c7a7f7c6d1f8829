// Ends with 0 while the process behind the URLs is well; else it says which did not answer with 200, and what instead.
//
//   node -e <this file> HEALTH [FOLDER READY...]
//
// HEALTH is asked always, each READY until FOLDER/ready-<host name> is there.
const { existsSync } = require("fs");
const { get } = require("http"); // not fetch(): it takes 6 MB more, and the check counts against the container's memory
const { hostname } = require("os");

const [, health, folder, ...ready] = process.argv;

function fail(url, why) {
  console.log(`${url}: ${why}`);
  process.exit(1);
}

for (const url of existsSync(`${folder}/ready-${hostname()}`) ? [health] : [health, ...ready]) {
  get(url, { timeout: 9000 }, (response) => {
    if (response.statusCode === 200) return response.resume();
    let said = "";
    response.setEncoding("utf8");
    response.on("data", (part) => (said += part));
    response.on("end", () => fail(url, `${response.statusCode} ${said.slice(0, 300)}`.trim()));
  })
    .on("error", (error) => fail(url, error.message))
    .on("timeout", () => fail(url, "no answer within 9 s"));
}
