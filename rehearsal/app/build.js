// Copies the sources to dist/ and bundles the workflows once, so that a worker starts in a second instead of ten.
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode } from "@temporalio/worker";

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist");
cpSync("src", "dist", { recursive: true });
const { code } = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL("./src/workflows.js", import.meta.url)) });
writeFileSync("dist/workflows.bundle.cjs", code);
