"""A worker that cannot start where its name begins with `broken`; any other lives until its stdin ends."""

import sys

if any(word.startswith("broken") for word in sys.argv):
    sys.stderr.write("what was said long before\n\n")
    raise ImportError("libm.so.7: cannot open shared object file")
sys.stdin.read()
