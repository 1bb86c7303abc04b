"""Values that many tests start from."""

import json
from typing import Any

from reviewer.changes.changeset import ChangeSet
from reviewer.changes.patch import parse_patch

PATCH = b"""\
diff --git a/shop/cart.py b/shop/cart.py
index 1111111..2222222 100644
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -10,6 +10,7 @@ class Cart:
     def mean(self):
         items = self.items
-        total = sum(items) or 1
+        total = sum(items)
+        count = len(items)
-        return total / max(1, len(items))
+        return total / count

     def clear(self):
         self.items = []
diff --git a/shop/util.go b/shop/util.go
new file mode 100644
index 0000000..3333333
--- /dev/null
+++ b/shop/util.go
@@ -0,0 +1,4 @@
+package shop
+
+func Twice(n int) int {
+\treturn n * 2
+}
"""
PATCH = PATCH.replace(b"-10,6 +10,7", b"-10,7 +10,8").replace(b"+1,4 @@", b"+1,5 @@").replace(b"\\t", b"\t")


def changes(patch: bytes = PATCH, **fields: Any) -> ChangeSet:
    return ChangeSet("a change", parse_patch(patch, name="test"), **fields)


def finding(**fields: Any) -> dict[str, Any]:
    return {
        "file": "shop/cart.py",
        "line": 14,
        "quote": "        return total / count",
        "failure_scenario": "An empty cart: count is 0 and the page fails.",
        "explanation": "The guard against an empty cart was removed.",
        "title": "Division by zero for an empty cart",
        "category": "bug",
        "severity": "major",
        "recommendation": "Return 0 for an empty cart.",
        "suggestion": None,
        "confidence": "high",
    } | fields


def review(*findings: dict[str, Any], **fields: Any) -> str:
    return json.dumps(
        {
            "files_reviewed": ["shop/cart.py", "shop/util.go"],
            "findings": list(findings),
            "strengths": ["Small and focused."],
            "recommendations": [{"text": "Give the cart a type of its own.", "horizon": "medium"}],
            "summary": "Changes how the mean price is computed.",
            "rating": 7,
        }
        | fields
    )
