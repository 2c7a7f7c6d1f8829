// Ends with 0 once the proxy answers each URL well; else it says which it answered how.
//
//   node - PROXY PORT SECONDS PROBE... -- URL... <this file
//
// Each PROBE is asked at its own port of PROXY. When all answer, each URL is asked at PORT of PROXY, with its host name in
// SNI and Host, on a connection of its own.
const http = require("http"); // not fetch(): it asks where a name's DNS leads
const https = require("https");
const { checkServerIdentity } = require("tls");

const [, , proxy, port, seconds, ...rest] = process.argv;
const probes = rest.slice(0, rest.indexOf("--"));
const urls = rest.slice(rest.indexOf("--") + 1);
if (!rest.includes("--") || rest.length < 2) throw new Error("nothing to ask");
const TIMES = 2;
const PAUSE = 150;
const TIMEOUT = 9000;

const end = Date.now() + Number(seconds) * 1000;
const pause = () => new Promise((done) => setTimeout(done, PAUSE));

// Who trusts the issuer is before the proxy (Cloudflare), and its authority is on no list here. A deploy asks for that.
function mistake(certificate, name) {
  const wrong = checkServerIdentity(name, certificate);
  if (wrong) return `has another name's certificate: ${wrong.message}`;
  if (Date.parse(certificate.valid_to) < Date.now()) return `has a certificate that ended (${certificate.valid_to})`;
  return null;
}

// What is wrong with the answer at a port of the proxy; null: nothing.
function ask(url, port) {
  const secure = url.protocol === "https:";
  const options = {
    host: proxy,
    port,
    path: url.pathname,
    headers: { Host: url.hostname, "User-Agent": "jira-plus-plus-smoke-check" },
    agent: false,
    timeout: TIMEOUT,
    ...(secure ? { servername: url.hostname, rejectUnauthorized: false } : {}),
  };
  return new Promise((done) => {
    const request = (secure ? https : http).get(options, (response) => {
      const wrong = secure ? mistake(response.socket.getPeerCertificate(), url.hostname) : null;
      response.on("error", (error) => done(`broke off: ${error.message}`));
      response.on("end", () => {
        if (!response.complete) done("broke off its answer");
        else if (response.statusCode !== 200) done(`answered ${response.statusCode}, not 200`);
        else done(wrong);
      });
      response.resume();
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${TIMEOUT / 1000} s`)));
    request.on("error", (error) => done(`gave no answer: ${error.message}`));
  });
}

async function check(url, port, times) {
  let last = "was not asked";
  for (let well = 0; well < times; ) {
    const wrong = await ask(url, port);
    well = wrong ? 0 : well + 1;
    if (wrong) last = wrong;
    if (well < times) {
      if (Date.now() > end) return `${url} ${last}`;
      await pause();
    }
  }
  return null;
}

const all = async (asked) => (await Promise.all(asked)).filter(Boolean);

async function main() {
  let wrong = await all(probes.map((probe) => new URL(probe)).map((url) => check(url, url.port, 1)));
  if (!wrong.length) wrong = await all(urls.map((url) => check(new URL(url), port, TIMES)));
  if (!wrong.length) return;
  for (const line of wrong) console.log(line);
  console.log(
    `through the proxy the release does not serve, ${seconds} s long: it is not recorded as good. ` +
      "`make rollback` goes back to the last good one; docs/runbook.md, A release fails its smoke check.",
  );
  process.exit(1);
}

main();
