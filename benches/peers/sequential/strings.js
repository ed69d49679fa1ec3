// Building text: concatenation, formatting, joining, slicing, replacing. args: lines (60000)
const n = Number(process.argv[2] || 60000);
const NAMES = "ash birch cedar elm fir hazel larch maple oak pine rowan willow";

function label(number) {
  let text = "";
  while (number > 0) {
    text = String.fromCharCode(97 + number % 26) + text;
    number = Math.floor(number / 26);
  }
  return text;
}

function count(text, part) { return text.split(part).length - 1; }

// Repeated: all from here on.
const names = NAMES.split(" ");
const lines = [];
for (let i = 1; i <= n; i++) {
  const name = names[i % names.length];
  lines.push(`${i}: ${name}-${label(i * 7919)} ${(i / 4).toFixed(2)} [${name.slice(1)}${name[0]}]`);
}
const text = lines.join("\n").replaceAll("oak", "chestnut").toUpperCase();
const vowels = count(text, "A") + count(text, "E") + count(text, "I") + count(text, "O") + count(text, "U");
let hash = 0, longest = 0;
for (const line of text.split("\n")) {
  if (line.length > longest) longest = line.length;
  hash = (hash * 31 + line.charCodeAt(line.length >> 1) + line.indexOf("-")) % 1000003;
}
console.log(`${text.length} ${vowels} ${longest} ${hash}`);
