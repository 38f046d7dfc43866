#!/usr/bin/env node
// Stands in for the native `solc`, by the npm package of that name: a registry has the one and
// not the other. Speaks what py-solc-x's compile_standard and ape-solidity ask for:
//
//     solc-v0.8.37 --version
//     solc-v0.8.37 --standard-json [--base-path DIR] [--allow-paths DIR,...]  <input  >output
//
// It is called through links named for a version, tools/solc/solc-v<version>: that is where
// py-solc-x looks for a compiler, and it must be the version that npm installed.
'use strict';

const fs = require('fs');
const path = require('path');
const { parseArgs } = require('util');

function fail(message) {
  process.stderr.write(`solc-shim: ${message}\n`);
  process.exit(1);
}

function loadSolc() {
  try {
    return require('solc');
  } catch {
    return fail('the npm package solc is not installed; run: make setup');
  }
}

// Pipes may be full: a single write can end short, and exiting then would cut the output.
function print(text) {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += fs.writeSync(process.stdout.fd, bytes, written);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

function parseOptions() {
  const options = {
    version: { type: 'boolean' },
    'standard-json': { type: 'boolean' },
    'base-path': { type: 'string', default: '.' },
    'allow-paths': { type: 'string' }, // accepted, not needed: imports may be read from anywhere
  };
  try {
    return parseArgs({ options, strict: true }).values;
  } catch (error) {
    return fail(error.message);
  }
}

function compile(solc, basePath) {
  const findImport = (name) => {
    const file = path.resolve(basePath, name);
    if (!fs.existsSync(file)) return { error: `${file} does not exist` };
    return { contents: fs.readFileSync(file, 'utf8') };
  };
  return solc.compile(fs.readFileSync(process.stdin.fd, 'utf8'), { import: findImport });
}

const options = parseOptions();
const solc = loadSolc();
const wanted = path.basename(process.argv[1]).replace('solc-v', '');
if (!solc.version().startsWith(`${wanted}+`)) {
  fail(`called for ${wanted}, but npm installed ${solc.version()}`);
}

if (options.version) {
  print(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (options['standard-json']) {
  print(`${compile(solc, options['base-path'])}\n`);
} else {
  fail('needs --version or --standard-json');
}
process.exit(0); // soljson may leave handles open
