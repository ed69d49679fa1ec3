# Building text: concatenation, formatting, joining, slicing, replacing. args: lines (60000)
import sys

NAMES = "ash birch cedar elm fir hazel larch maple oak pine rowan willow"


def label(number):
    text = ""
    while number > 0:
        text = chr(97 + number % 26) + text
        number //= 26
    return text


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 60000
    names = NAMES.split(" ")
    lines = []
    for i in range(1, n + 1):
        name = names[i % len(names)]
        lines.append(f"{i}: {name}-{label(i * 7919)} {i / 4:.2f} [{name[1:]}{name[0]}]")
    text = "\n".join(lines).replace("oak", "chestnut").upper()
    vowels = text.count("A") + text.count("E") + text.count("I") + text.count("O") + text.count("U")
    hash = longest = 0
    for line in text.split("\n"):
        if len(line) > longest:
            longest = len(line)
        hash = (hash * 31 + ord(line[len(line) // 2]) + line.find("-")) % 1000003
    print(len(text), vowels, longest, hash)


main()
