"""What somebody could send who means harm: ids that are none, patches that reach too far."""

NO_IDS = (
    "HEAD",
    "main",
    "main^{/first}",
    "abc1234",
    "refs/heads/main",
    "main~0",
    "A" * 40,
    "0" * 39,
    "0" * 40,
    "0" * 64,
)
NO_WORDS = ("-h", "--batch-all-objects", "--textconv", "", "\n")

OF_ANOTHER_BASE = b"""diff --git a/train.py b/train.py
--- a/train.py
+++ b/train.py
@@ -1 +1 @@
-print('of another base')
+x
"""


def hostile_patch(path: str, mode: str = "100644", content: str = "/etc/passwd") -> bytes:
    return (
        f"diff --git a/{path} b/{path}\nnew file mode {mode}\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n"
        f"+{content}\n\\ No newline at end of file\n"
    ).encode()
