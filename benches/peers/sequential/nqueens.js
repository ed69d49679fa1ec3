// All ways to place N queens on a board of N by N, by backtracking. args: N (9)
const n = Number(process.argv[2] || 9);
function place(row, n, columns, rising, falling) {
  if (row === n) return 1;
  let found = 0;
  for (let column = 0; column < n; column++) {
    const up = row + column, down = row - column + n;
    if (columns[column] || rising[up] || falling[down]) continue;
    columns[column] = rising[up] = falling[down] = true;
    found += place(row + 1, n, columns, rising, falling);
    columns[column] = rising[up] = falling[down] = false;
  }
  return found;
}
// Repeated: all from here on.
const flags = count => new Array(count).fill(false);
console.log(`${n} ${place(0, n, flags(n), flags(2 * n), flags(2 * n + 1))}`);
