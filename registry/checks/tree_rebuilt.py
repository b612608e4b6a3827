"""Is the code that ran exactly what can be put together again?"""

from registry.facts import Facts, Finding, failed, passed, refuted, unknown
from trackrecord.report import RunReport


def tree_rebuilt(report: RunReport, facts: Facts) -> Finding:
    """Base commit and patch, put together by the registry, give exactly the tree that the report names."""
    code, seen = report.code, facts.code
    if code.commit is None or code.tree is None:
        return failed(_sentence(code.problem or "The report names no tree."), "Put the script under git, commit, push.")
    if not seen.looked:
        return unknown(f"Could not look at the code: {seen.trouble}.", "The registry looks again by itself.")
    if seen.rebuild_contradicts:
        return refuted(f"The code cannot be rebuilt: {seen.rebuild_trouble}.", "Run again with the trackrecord client.")
    if seen.rebuilt is None:
        why = seen.rebuild_trouble or "the commit is not in the repository"
        return unknown(
            f"The code could not be rebuilt yet: {why}.",
            f"`git push` and `trackrecord sync`, then `trackrecord recheck {report.name}`.",
        )
    if seen.rebuilt != code.tree:
        return refuted(
            f"Base and patch give the tree {seen.rebuilt[:12]}, the report says {code.tree[:12]}.",
            "Run again with the trackrecord client.",
        )
    return _of_the_tree(report, facts)


def _of_the_tree(report: RunReport, facts: Facts) -> Finding:
    code, seen = report.code, facts.code
    again = f"then `trackrecord recheck {report.name}`"
    if seen.forbidden:
        return failed(
            f"The changes add symlinks or submodules, which a patch must not: {', '.join(seen.forbidden[:3])}.",
            "Commit and push them, then run again.",
        )
    if code.base is not None and not seen.base_refs:
        return failed(
            f"The patch applies to {code.base[:12]}, which is on no allowed branch or tag.", f"`git push`, {again}."
        )
    if code.dirty and not facts.policy.dirty_trees:
        return failed("The tree has uncommitted changes, and the project takes none.", "Commit, push, and run again.")
    if code.submodules:
        paths = ", ".join(each.path[:80] for each in code.submodules[:3])
        return unknown(
            f"The tree is as reported, but what was changed inside of submodules is not rebuilt here: {paths}.",
            "Commit and push it there, commit the new submodule here, push, and run again.",
        )
    start = (code.base or code.commit or "")[:12]
    what = f"{start} and the patch give" if code.patch else f"{start} has"
    return passed(f"{what} exactly the reported tree {(code.tree or '')[:12]}.")


def _sentence(text: str) -> str:
    return text[:300].rstrip(".") + "."
