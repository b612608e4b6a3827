"""`--once`: ask every command in both of Slack's wire formats, print the transcript, and check what came back."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from examples.demo import receipts, recipe, team, transcript, web
from examples.demo.parts import DemoError
from examples.demo.runs import Done
from examples.demo.stage import BOT_USER, CHANNEL, Mode, Stage

Sent = dict[str, Any]
Facts = dict[str, dict[str, Any]]  # run id -> what GET /api/v1/runs/{run_id} says
_ODD = ("unpushed", "nan", "killed", "other split", "other data")
_WHY = {  # what the run's own answer has to say, in any case
    "unpushed": "push",
    "nan": "nan",
    "killed": "killed",
    "other split": "test/accuracy",
    "other data": "digits/test",
}


@dataclass
class Scene:
    """What the demo has made so far, and what is checked about it."""

    here: Stage
    developers: list[team.Developer]
    runs: list[Done]
    facts: Facts
    boast: str
    reply: Sent
    failed: list[str] = field(default_factory=list)
    charts: int = 0

    def check(self, what: str, good: bool, seen: object) -> None:
        """Print a check with what was seen; keep it when it failed."""
        words = " ".join(str(seen).split())
        shown = words if len(words) <= 160 else f"{words[:157]}…"
        print(f"      {'ok    ' if good else 'FAILED'} {what}: {shown}", flush=True)
        if not good:
            self.failed.append(what)

    def of(self, kind: str) -> Done:
        return next(done for done in self.runs if done.kind == kind)

    @property
    def verified(self) -> list[tuple[float, Done]]:
        """The verified runs with their values, best first."""
        found = [
            (self.facts[done.run]["headline"]["value"], done)
            for done in self.runs
            if self.facts[done.run]["verdict"] == "verified"
        ]
        return sorted(found, key=lambda pair: -pair[0])


def check_all(scene: Scene, tell: Callable[[str], None]) -> int:
    """Everything once over each wire. 0 when every check is ok, else 1."""
    boast(scene)
    modes: tuple[Mode, Mode] = ("socket", "http")
    for mode in modes:
        tell(f"5  every command, {'Socket Mode' if mode == 'socket' else 'signed HTTP'}")
        scene.here.deliver_by(mode)
        start = scene.here.journal("delivery")
        ask_everything(scene, mode)
        went = scene.here.journal("delivery")[len(start) :]
        ways = sorted({f"{entry['type']} by {entry['to']}" for entry in went})
        scene.check(f"all of it went by {mode}", {entry["to"] for entry in went} == {mode}, ways)
        scene.check("each was acknowledged within 3 s", all(entry["ack_ms"] < 3000 for entry in went), _slowest(went))
    scene.check("Slack refused nothing", not scene.here.journal("refused"), scene.here.journal("refused")[:2] or "0")
    tell("6  what else has to hold")
    announced_once(scene)
    same_everywhere(scene)
    recipe.check(scene)
    receipts.check(scene)
    tell(f"{'FAILED: ' + '; '.join(scene.failed) if scene.failed else 'every check is ok'}")
    print(f"      charts: {scene.here.folder / 'charts'}")
    return 1 if scene.failed else 0


def _slowest(entries: list[dict[str, Any]]) -> str:
    return f"{len(entries)} deliveries, the slowest {max((entry['ack_ms'] for entry in entries), default=0)} ms"


def ask_everything(scene: Scene, mode: Mode) -> None:
    """The transcript; each answer is checked as it comes."""
    first, second = scene.verified[0][1], scene.verified[1][1]
    dirty = scene.of("dirty")
    best = _shown(scene, mode, f"/best {team.PROJECT}")
    check_best(scene, best)
    _shown(scene, mode, f"/compare {first.name} {second.name}")
    repro = _shown(scene, mode, f"/repro {dirty.name}")
    scene.check("/repro has commands", "git" in transcript.everything(repro), "git" in transcript.everything(repro))
    _shown(scene, mode, f"/show {dirty.name}")
    check_wrapped(scene, _shown(scene, mode, f"/show {scene.of('wrapped').name}"))
    for kind in _ODD:
        check_odd(scene, kind, _shown(scene, mode, f"/show {scene.of(kind).name}"))
    recent = _shown(scene, mode, f"/recent {team.PROJECT}")
    for words in ("/unverified", "/projects", f"/receipt {first.name}", f"/recheck {first.name}", "/help"):
        _shown(scene, mode, words)
    _shown(scene, mode, f"@trackrecord best {team.PROJECT}")
    _press(scene, best, "ask:", "UADA")
    _press(scene, recent, "share", "UBEN")
    wrong = _shown(scene, mode, f"/show {first.name[:-1]}")
    text = transcript.everything(wrong)
    scene.check("a mistyped name is answered with the right command", f"/show {first.name}" in text, text)


def _shown(scene: Scene, mode: Mode, words: str) -> Sent:
    """Ask, print question and answer, fetch the charts."""
    sent, seconds = ask(scene.here, words)
    print(f"    ada: {words}   ({seconds:.1f} s)", flush=True)
    print(transcript.indent(transcript.message(sent)), flush=True)
    for picture in transcript.pictures(sent):
        print(transcript.indent(keep_chart(scene, mode, words, picture)), flush=True)
    return sent


def ask(here: Stage, words: str, user: str = "UADA") -> tuple[Sent, float]:
    """Type a command or a message as ada; the bot's answer, with its charts when it has some, and how long it took."""
    before = seen(here, user)
    begin = time.monotonic()
    thread = None
    if words.startswith("/"):
        status = here.say("command", user=user, channel=CHANNEL, text=words)
        if status["status"] != 200:
            raise DemoError(f"{words} was acknowledged with {status}")
    else:
        thread = here.say("message", user=user, channel=CHANNEL, text=words)["ts"]
    return settled(here, user, before, thread), time.monotonic() - begin


def seen(here: Stage, user: str) -> set[str]:
    """What the bot has said so far, as this person sees it."""
    return {json.dumps(m, sort_keys=True) for m in here.messages(user) if m["user"] == BOT_USER}


def settled(here: Stage, user: str, before: set[str], thread: str | None = None, seconds: float = 30) -> Sent:
    """What is new or changed, once every chart that was promised is there: words, and charts right after them."""
    end = time.monotonic() + seconds
    while True:
        new = [m for m in here.messages(user) if m["user"] == BOT_USER and json.dumps(m, sort_keys=True) not in before]
        new = [m for m in new if thread is None or m.get("thread_ts") == thread]
        whole = {**new[0], "blocks": [block for m in new for block in m["blocks"]]} if new else {}
        promised = transcript.everything(whole).count("Chart follows")
        if new and len(transcript.pictures(whole)) >= promised:
            return whole
        if time.monotonic() > end:
            raise DemoError(f"no answer of the bot within {seconds:.0f} s, or its chart never came: {new}")
        time.sleep(0.1)


def keep_chart(scene: Scene, mode: Mode, words: str, picture: dict[str, Any]) -> str:
    """Fetch the picture as the client would, look whether it is a PNG, and keep it for a person to look at."""
    content = scene.here.picture(picture)
    scene.charts += 1
    folder = scene.here.folder / "charts"
    folder.mkdir(exist_ok=True)
    path = folder / f"{scene.charts:02}-{mode}-{re.sub(r'[^a-z0-9]+', '-', words.lower()).strip('-')[:40]}.png"
    path.write_bytes(content)
    size = (int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big"))
    scene.check(
        "the chart is a PNG", content.startswith(b"\x89PNG\r\n\x1a\n") and min(size) > 200, f"{len(content):,} bytes"
    )
    return f"chart: {size[0]} x {size[1]} pixels, {len(content):,} bytes, {path.name}"


def check_best(scene: Scene, sent: Sent) -> None:
    """Verified, the best of them, with parameters, the whole git hash and its chart."""
    value, best = scene.verified[0]
    rows = transcript.tables(sent)
    scene.check("/best has a table", bool(rows), len(rows))
    top = " ".join(rows[0][1]) if rows and len(rows[0]) > 1 else ""
    scene.check("the first row is the best verified run", best.name in top and f"{value:.2%}"[:-1] in top, top)
    text = transcript.everything(sent)
    report = scene.facts[best.run]["report"]
    commit = report["code"]["commit"]
    scene.check("the full git hash is there", commit in text and len(commit) == 40, commit)
    odd = {"seed", "split"}
    missing = [f"{k}={v}" for k, v in report["params"].items() if k not in odd and not (k in text and str(v) in text)]
    scene.check("its parameters are there", not missing, missing or report["params"])
    scene.check("its chart was delivered", bool(transcript.pictures(sent)), len(transcript.pictures(sent)))
    others = [
        scene.of(kind).name for kind in _ODD if scene.of(kind).name in " ".join(map(str, rows[0] if rows else ()))
    ]
    scene.check("no unverified run is ranked", not others, others or "none")


def check_wrapped(scene: Scene, sent: Sent) -> None:
    """A script without a line of ours is verified like any other, and its run says where its number is from."""
    verdict = scene.facts[scene.of("wrapped").run]["verdict"]
    scene.check("a script without a line of trackrecord is a verified run", verdict == "verified", verdict)
    said = "numbers were read from what the script printed"
    scene.check("its answer says where its number is from", said in transcript.everything(sent), said)


def check_odd(scene: Scene, kind: str, sent: Sent) -> None:
    """A run that must not win says why in its own answer."""
    done = scene.of(kind)
    fact = scene.facts[done.run]
    why = "; ".join(f["reason"] for f in fact["findings"] if f["outcome"] != "pass")
    scene.check(f"the run with {kind} is not verified", fact["verdict"] != "verified" and bool(why), why)
    text = transcript.everything(sent).lower()
    scene.check(f"its answer says why ({_WHY[kind]!r})", _WHY[kind] in text and why[:40].lower() in text, why)


def _press(scene: Scene, sent: Sent, action: str, user: str) -> None:
    """Click a button of ada's private answer; `user` is somebody who has to see what comes of it."""
    found = [button for button in transcript.buttons(sent) if button["action_id"].startswith(action)]
    labels = [button["text"]["text"] for button in transcript.buttons(sent)]
    scene.check(f"there is a button {action}", bool(found), labels)
    if not found:
        return
    button, before = found[0], seen(scene.here, user)
    click = {key: button.get(key) for key in ("action_id", "block_id", "value")}
    scene.here.say("action", user="UADA", channel=CHANNEL, ts=sent["ts"], **click)
    answer = settled(scene.here, user, before)
    print(f"    ada presses [ {button['text']['text']} ], and {user} sees", flush=True)
    print(transcript.indent(transcript.message(answer)), flush=True)
    scene.check("the button was answered", len(answer["blocks"]) > 1, f"{len(answer['blocks'])} blocks")


def boast(scene: Scene) -> None:
    """The claimed number is nobody's, and the bot says exactly that."""
    number = scene.boast.split()[0]
    values = [f"{h['value']:.1%}"[:-1] for fact in scene.facts.values() if (h := fact["headline"])]
    scene.check(f"no run has {number} %", number not in values, sorted(values))
    text = transcript.everything(scene.reply)
    scene.check("the bot says that no registered run has it", "No registered run" in text, text)


def announced_once(scene: Scene) -> None:
    """Each new best was announced once, and the last one announced is the best there is."""
    sent = [
        m
        for m in scene.here.messages("UADA")
        if m["user"] == BOT_USER and not m.get("thread_ts") and not m.get("ephemeral_for") and _announced(m)
    ]
    names = [name for m in sent for name in [_named(scene, m)] if name]
    for each in sent[-1:]:
        print(transcript.indent(transcript.message(each)), flush=True)
    scene.check("new bests were announced", bool(names), names)
    scene.check("each once", len(names) == len(set(names)), names)
    best = scene.verified[0][1].name
    scene.check("the last one is the best verified run", bool(names) and names[-1] == best, f"{names[-1:]} and {best}")


def _announced(sent: Sent) -> bool:
    return "new best" in transcript.everything(sent).lower()


def _named(scene: Scene, sent: Sent) -> str | None:
    places = {done.name: sent.get("text", "").find(done.name) for done in scene.runs}
    found = [name for name, place in places.items() if place >= 0]
    return min(found, key=lambda name: places[name]) if found else None


def _leaders(answer: dict[str, Any]) -> list[list[Any]]:
    """The rows of the first table, without how long ago: that goes on between two questions."""
    table = next(part for part in answer["parts"] if part["part"] == "table")
    kept = [index for index, name in enumerate(table["columns"]) if name != "age"]
    return [[row[index] for index in kept] for row in table["rows"]]


def same_everywhere(scene: Scene) -> None:
    """Terminal, JSON, page and Slack show the same best run with the same number."""
    value, best = scene.verified[0]
    shown = f"{value:.2%}"[:-1]
    ada = scene.developers[0]
    said = json.loads(ada.trackrecord("best", team.PROJECT, "--json"))
    served = scene.here.answer("best", team.PROJECT)
    told, other = _leaders(said), _leaders(served)
    scene.check(
        "CLI JSON and HTTP have the same table", told == other and best.name in str(told), f"{told} and {other}"
    )
    page = web.fetch(f"{scene.here.registry}/answers/best?words={team.PROJECT}").decode()
    text = ada.trackrecord("best", team.PROJECT)
    for mouth, words in (("page", page), ("terminal", text), ("CLI JSON", json.dumps(said))):
        scene.check(f"{mouth} has run and number", best.name in words and shown in words, f"{best.name} {shown}")
    found = re.findall(r'src="(/charts/[^"]+)"', page)
    picture = web.fetch(scene.here.registry + found[0].replace("&amp;", "&")) if found else b""
    scene.check("the page's chart is a PNG", picture.startswith(b"\x89PNG"), f"{len(picture):,} bytes")
