// Preloaded into the Node that jsii starts (`logdock.node`): runs the CDK there.
//
// jsii's own program, `bin/jsii-runtime.js`, starts a second Node for `lib/program.js`, which has the CDK, and passes
// every message on between the two. The second Node has the messages on file descriptor 3, and what it prints is no
// message. Here `lib/program.js` runs in the first Node: messages are on standard input and output, and what the CDK
// prints goes to standard error in the form that jsii expects there. A jsii that is made otherwise runs as it is.
"use strict";

const fs = require("node:fs");
const { Module } = require("node:module");
const path = require("node:path");
const { Writable } = require("node:stream");
const { isMainThread } = require("node:worker_threads");

function readProgram(file) {
  const source = isMainThread && fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  const changed = source.replace("readFD:3,writeFD:3", "readFD:0,writeFD:1");
  return changed === source ? null : changed;
}

function forwarded(name) {
  const write = (chunk, _encoding, done) => {
    fs.writeSync(2, `${JSON.stringify({ [name]: chunk.toString("base64") })}\n`);
    done();
  };
  return { value: new Writable({ write }) };
}

const main = process.argv[1] ?? "";
const file = path.join(path.dirname(main), "..", "lib", "program.js");
const program = path.basename(main) === "jsii-runtime.js" ? readProgram(file) : null;
if (program) {
  // Node has loaded the program that it was started with, so it does not run it.
  require.cache[fs.realpathSync(main)] = { loaded: true, exports: {} };
  Object.defineProperties(process, { stdout: forwarded("stdout"), stderr: forwarded("stderr") });
  // jsii links packages instead of copying them if it finds this option, which NODE_OPTIONS has.
  process.execArgv.push("--preserve-symlinks");
  const kernel = new Module(file);
  kernel.filename = file;
  kernel._compile(program, file);
}
