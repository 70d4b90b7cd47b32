// Makes the calls of the CDK that an app in Python made, without Python: node synth_replay.js REQUESTS ANSWERS.
// Both files are what went over the bridge between the languages (jsii), a line each; the first answer is a greeting.
"use strict";
const fs = require("fs");

const objects = new Map();
const lines = (file) => fs.readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
const map = (entries, change) => Object.fromEntries(Object.entries(entries).map(([key, each]) => [key, change(each)]));

function find(name) {
  const [module, ...path] = name.split(".");
  return path.reduce((found, part) => found[part], require(module));
}

// The CDK numbers what it will replace, and the bridge makes it number some things that it does not need here.
const TOKEN = /[$#]\{Token\[[^\]]*\]\}/g;
const tokens = new Map();

function argument(value) {
  if (value === null) return undefined;
  if (typeof value === "string" && value.includes("{Token[")) return value.replace(TOKEN, (each) => tokens.get(each));
  if (typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(argument);
  if ("$jsii.byref" in value) return objects.get(value["$jsii.byref"]);
  if ("$jsii.struct" in value) return map(value["$jsii.struct"].data, argument);
  if ("$jsii.map" in value) return map(value["$jsii.map"], argument);
  if ("$jsii.date" in value) return new Date(value["$jsii.date"]);
  if ("$jsii.enum" in value) {
    const at = value["$jsii.enum"].lastIndexOf("/");
    return find(value["$jsii.enum"].slice(0, at))[value["$jsii.enum"].slice(at + 1)];
  }
  return map(value, argument);
}

function keep(answer, value) {
  if (typeof answer === "string" && answer.includes("{Token[")) {
    const own = value.match(TOKEN);
    answer.match(TOKEN).forEach((each, at) => tokens.set(each, own[at]));
  }
  if (answer === null || typeof answer !== "object" || value === undefined || value === null) return;
  if ("$jsii.byref" in answer) objects.set(answer["$jsii.byref"], value);
  else for (const key of Object.keys(answer)) keep(answer[key], value[key]);
}

const calls = {
  create: ({ fqn, args }) => new (find(fqn))(...(args ?? []).map(argument)),
  get: ({ objref, property }) => argument(objref)[property],
  set: ({ objref, property, value }) => void (argument(objref)[property] = argument(value)),
  sget: ({ fqn, property }) => find(fqn)[property],
  invoke: ({ objref, method, args }) => argument(objref)[method](...(args ?? []).map(argument)),
  sinvoke: ({ fqn, method, args }) => find(fqn)[method](...(args ?? []).map(argument)),
};

const [requests, [, ...answers]] = process.argv.slice(2).map(lines);
requests.forEach((request, at) => {
  const call = calls[request.api];
  if (!call) return;
  const { ok } = answers[at];
  const result = call(request);
  keep("value" in ok ? ok.value : "result" in ok ? ok.result : ok, result);
});
// Otherwise every App would be synthesized once more at the end.
process.exit(0);
