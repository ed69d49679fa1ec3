# All ways to place N queens on a board of N by N, by backtracking. args: N (9)
import sys


def place(row, n, columns, rising, falling):
    if row == n:
        return 1
    found = 0
    for column in range(n):
        up = row + column
        down = row - column + n
        if columns[column] or rising[up] or falling[down]:
            continue
        columns[column] = rising[up] = falling[down] = True
        found += place(row + 1, n, columns, rising, falling)
        columns[column] = rising[up] = falling[down] = False
    return found


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print(n, place(0, n, [False] * n, [False] * (2 * n), [False] * (2 * n + 1)))


main()
