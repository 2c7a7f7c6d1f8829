// Serves the built page, and tells it at run time where the API is and where errors go, so that one image serves every environment.
import { createReadStream, statSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { config } from "./config.js";
import { serve } from "./service.js";

const root = fileURLToPath(new URL("./public", import.meta.url));
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json" };

serve({
  name: "web",
  port: config.port(8080),
  handle(request, response) {
    const path = decodeURIComponent(request.url.split("?")[0]);
    if (path === "/config.json") {
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
      return response.end(JSON.stringify({ apiUrl: process.env.API_URL ?? "", ...(config.sentry.dsn ? { sentry: config.sentry } : {}) }));
    }
    let file = join(root, normalize(`/${path}`));
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
      if (path.startsWith("/assets/")) return response.writeHead(404, { "cache-control": "no-store" }).end(); // of another build
      file = join(root, "index.html"); // the page has routes of its own
    }
    response.writeHead(200, {
      "content-type": types[extname(file)] ?? "application/octet-stream",
      "cache-control": file.includes("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
    });
    return request.method === "HEAD" ? response.end() : createReadStream(file).pipe(response);
  },
});
