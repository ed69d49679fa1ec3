// A program of sequential/ again and again in one process: node warm.js FILE SECONDS LEAST ARGUMENTS...
//
// What stands above the line "Repeated: all from here on." (classes, functions, constants) is run once, as a module is loaded once; what
// stands below it is one function, called until SECONDS have passed and LEAST runs are done. Prints the answer, which must be the same
// each time, and how long each run took, in nanoseconds.
const fs = require("fs");
const [file, seconds, least, ...rest] = process.argv.slice(2);
const MARK = "// Repeated: all from here on.\n";

const source = fs.readFileSync(file, "utf8");
const at = source.indexOf(MARK);
if (at < 0) throw new Error(`${file} does not say what is to be repeated`);
const text = `${source.slice(0, at)}return function repeated() {\n${source.slice(at)}\n};`;

let printed = [];
const sink = { log: (...values) => { printed.push(values.join(" ")); } };
const arguments_ = { argv: [process.argv[0], file, ...rest] };
const run = new Function("process", "console", "require", text)(arguments_, sink, require);

const times = [];
let answer = null;
const begun = process.hrtime.bigint();
const end = begun + BigInt(Math.round(Number(seconds) * 1e9));
for (let last = begun; times.length < Number(least) || last < end;) {
  run();
  const now = process.hrtime.bigint();
  times.push(now - last);
  const found = printed.join("\n");
  if (answer !== null && answer !== found) throw new Error(`run ${times.length} gives another answer: ${found}`);
  answer = found;
  printed = [];
  last = process.hrtime.bigint();
}
console.log(`answer\t${answer}`);
console.log(`times\t${times.join(" ")}`);
