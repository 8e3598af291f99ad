// A runtime client for Node.js: loads the handler, then asks the Runtime API for events until the process is ended.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html
import { existsSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";

const PREFIX = "/2018-06-01/runtime";
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let requestId = "";

function call(method, route, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const request = http.request({ host, port, method, path: PREFIX + route, agent, headers }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

function describe(error) {
  const thrown = error instanceof Error;
  return {
    errorType: thrown ? error.name : typeof error,
    errorMessage: thrown ? error.message : String(error),
    trace: thrown ? String(error.stack).split("\n") : [],
  };
}

function refuse(name, message) {
  const error = new Error(message);
  error.name = name;
  return error;
}

async function load(handler) {
  const [, module, name] = /^(.*\/?[^/.]+)\.([^.]+)$/.exec(handler) ?? [];
  if (!module) throw refuse("Runtime.MalformedHandlerName", `Bad handler ${handler}`);
  const base = path.join(process.env.LAMBDA_TASK_ROOT, module);
  const file = [".js", ".mjs", ".cjs"].map((extension) => base + extension).find((found) => existsSync(found));
  if (!file) throw refuse("Runtime.ImportModuleError", `Error: Cannot find module '${module}'`);
  const loaded = await import(pathToFileURL(file));
  const found = loaded[name] ?? loaded.default?.[name];
  if (typeof found !== "function") throw refuse("Runtime.HandlerNotFound", `${handler} is undefined or not exported`);
  return found;
}

function context(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const given = headers["lambda-runtime-client-context"];
  return {
    awsRequestId: requestId,
    callbackWaitsForEmptyEventLoop: true,
    clientContext: given ? JSON.parse(given) : undefined,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
  };
}

function run(handler, event, around) {
  return new Promise((resolve, reject) => {
    const answered = handler(event, around, (error, value) => (error ? reject(error) : resolve(value)));
    if (typeof answered?.then === "function") answered.then(resolve, reject);
  });
}

const LEVELS = { log: "INFO", info: "INFO", warn: "WARN", error: "ERROR", debug: "DEBUG", trace: "TRACE" };
for (const [method, level] of Object.entries(LEVELS)) {
  console[method] = (...values) => {
    const text = values.map((value) => (typeof value === "string" ? value : inspect(value))).join(" ");
    process.stdout.write(`${new Date().toISOString()}\t${requestId || "undefined"}\t${level}\t${text}\n`);
  };
}

let handler;
try {
  handler = await load(process.env._HANDLER);
} catch (error) {
  console.error("Uncaught Exception", JSON.stringify(describe(error)));
  await call("POST", "/init/error", JSON.stringify(describe(error)));
  process.exit(1);
}
for (;;) {
  const next = await call("GET", "/invocation/next");
  requestId = next.headers["lambda-runtime-aws-request-id"];
  process.env._X_AMZN_TRACE_ID = next.headers["lambda-runtime-trace-id"] ?? "";
  try {
    const value = await run(handler, JSON.parse(next.body || "null"), context(next.headers));
    await call("POST", `/invocation/${requestId}/response`, JSON.stringify(value) ?? "null");
  } catch (error) {
    console.error("Invoke Error", JSON.stringify(describe(error)));
    await call("POST", `/invocation/${requestId}/error`, JSON.stringify(describe(error)));
  }
}
