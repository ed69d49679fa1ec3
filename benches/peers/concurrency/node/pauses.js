// How long a program is held up by the collector: a large live heap, records replaced at random in batches of 50,
// each batch timed. args: megabytes batches
const fs = require("fs");
const megabytes = Number(process.argv[2]), batches = Number(process.argv[3]);
const now = () => Number(process.hrtime.bigint());
function rss() { return Math.floor(Number(fs.readFileSync("/proc/self/status", "utf8").match(/VmRSS:\s+(\d+)/)[1]) / 1024); }
function make(i) { return { id: i, name: `record number ${i}`, data: [i, i + 1, i + 2] }; }
const live = [];
while (rss() < megabytes) for (let i = 0; i < 10000; i++) live.push(make(i));
const before = rss(), n = live.length, times = new Float64Array(batches);
let middle = 0, seed = 42;
const started = now();
for (let b = 0; b < batches; b++) {
  if (b === batches >> 1) middle = rss();
  const t = now();
  for (let i = 0; i < 50; i++) {
    seed = seed * 16807 % 2147483647;
    live[seed % n] = make(i);
  }
  times[b] = now() - t;
}
const seconds = (now() - started) / 1e9, after = rss();
times.sort();
const histogram = [];
for (let at = 0, limit = 1e3; at < batches; limit *= 2) {
  const from = at;
  while (at < batches && times[at] <= limit) at++;
  histogram.push(at - from);
}
const quantile = share => (times[Math.floor((batches - 1) * share)] / 1e6).toFixed(3);
console.log(`pauses node live_MB=${before} records=${n} seconds=${seconds.toFixed(2)} p50_ms=${quantile(0.5)} p99_ms=${quantile(0.99)} p999_ms=${quantile(0.999)} max_ms=${quantile(1)} middle_MB=${middle} after_MB=${after} histogram=${histogram.join(",")}`);
