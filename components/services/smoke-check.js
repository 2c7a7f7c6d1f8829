// Ends with 0 once the proxy serves each name well, some times on end; else it says which name answered what.
//
//   node smoke-check.js PROXY PORT SECONDS URL...
//
// Each URL is asked at PORT of the host PROXY, with the URL's host name in SNI and Host, on a connection of its own.
const http = require("http"); // not fetch(): it asks where a name's DNS leads
const https = require("https");
const { checkServerIdentity } = require("tls");

const [, , proxy, port, seconds, ...urls] = process.argv;
// Behind the proxy the old container may still serve beside the new one, and it gives them the requests in turn: one
// answer says little. It learns of the new one within two seconds.
const TIMES = 4;
const PAUSE = 700;
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

// What is wrong with the answer; null: nothing.
function ask(url) {
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

async function check(url) {
  let last = "was not asked";
  for (let well = 0; well < TIMES; ) {
    const wrong = await ask(url);
    well = wrong ? 0 : well + 1;
    if (wrong) last = wrong;
    if (well < TIMES) {
      if (Date.now() > end) return `${url} ${last}`;
      await pause();
    }
  }
  return null;
}

Promise.all(urls.map((url) => check(new URL(url)))).then((found) => {
  const wrong = found.filter(Boolean);
  for (const line of wrong) console.log(line);
  if (wrong.length) {
    console.log(
      `through the proxy the release does not serve, ${seconds} s long: it is not recorded as good. ` +
        "`make rollback` goes back to the last good one; docs/runbook.md, A release fails its smoke check",
    );
    process.exit(1);
  }
});
