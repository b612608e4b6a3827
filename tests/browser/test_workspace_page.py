"""The page of the stand-in workspace, used as a newcomer uses it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect
from slack_sdk import WebClient

from bot.playground import Playground, start

CHANNEL = "C0MILESTONE"
Open = Callable[..., Page]


def ask(page: Page, text: str) -> None:
    """Type into the message field and press Enter."""
    page.fill("#composer-text", text)
    page.press("#composer-text", "Enter")


def best(page: Page) -> None:
    """Ask for the best run and wait until its chart is there."""
    ask(page, "/best milestone-1")
    expect(page.locator(".picture img")).to_have_js_property("naturalWidth", 768)


def test_a_command_shows_its_table_and_its_chart(slack: Playground, open_page: Open) -> None:
    page = open_page(slack.url)
    best(page)
    expect(page.locator("table.table tbody tr")).to_have_count(3)
    expect(page.locator("table.table")).to_contain_text("brave-otter-42")
    expect(page.locator(".composer-note").first).to_contain_text("/best was acknowledged after")
    page.click(".picture-button")
    expect(page.locator("#lightbox img")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#lightbox")).to_be_hidden()


def test_a_slash_offers_the_commands_of_the_app(slack: Playground, open_page: Open) -> None:
    page = open_page(slack.url)
    page.type("#composer-text", "/rec")
    expect(page.locator(".suggestions li")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.locator("#composer-text")).to_have_value("/recent ")
    page.fill("#composer-text", "")
    page.type("#composer-text", "hello @be")
    page.keyboard.press("Enter")
    expect(page.locator("#composer-text")).to_have_value("hello @ben ")
    page.keyboard.press("Enter")
    expect(page.locator(".message .mention")).to_have_text("@ben")
    assert slack.messages(CHANNEL)[0].text == "hello <@UBEN>"


def test_a_button_waits_then_answers_and_a_thread_opens(slack: Playground, open_page: Open) -> None:
    page = open_page(slack.url)
    best(page)
    page.click("button[data-action=share]")
    expect(page.get_by_text("Shared by a button.")).to_be_visible()
    page.click("button[data-action=slow]")
    page.locator(".replies").last.click()
    expect(page.locator("#thread .code-block")).to_contain_text("git checkout 3f2a9c1e")
    page.fill("#thread textarea", "thanks, @trackrecord")
    page.press("#thread textarea", "Enter")
    expect(page.locator("#thread")).to_contain_text("You asked:")
    page.keyboard.press("Escape")
    expect(page.locator("#thread")).to_be_hidden()


def test_a_modal_asks_refuses_and_closes(slack: Playground, open_page: Open) -> None:
    page = open_page(slack.url)
    ask(page, "/compare")
    page.get_by_label("First run").fill("nonsense")
    page.click("#modal button[type=submit]")
    expect(page.locator(".field-error")).to_have_text("Please complete this required field.")
    expect(page.get_by_label("First run")).to_have_value("nonsense")
    page.get_by_label("Second run").fill("heron")
    page.click(".combo-item")
    page.click("#modal button[type=submit]")
    expect(page.locator(".field-error")).to_have_text("There is no such run.")
    page.get_by_label("First run").fill("brave-otter-42")
    page.click("#modal button[type=submit]")
    expect(page.locator("#modal")).to_be_hidden()
    expect(page.locator(".entry.unread .badge")).to_have_text("1")
    ask(page, "/compare")
    expect(page.locator("#modal")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#modal")).to_be_hidden()
    assert slack.workspace.modals("UADA") == []


def test_home_is_shown_when_it_is_opened(slack: Playground, open_page: Open) -> None:
    page = open_page(slack.url)
    page.get_by_role("button", name="trackrecord").click()
    expect(page.locator(".home-blocks")).to_contain_text("best verified is 92.4 %")
    page.get_by_role("tab", name="Messages").click()
    expect(page.locator("#composer")).to_be_visible()


def test_another_person_sees_only_what_is_theirs(slack: Playground, open_page: Open) -> None:
    page = open_page(slack.url)
    ask(page, "/quiet")
    expect(page.get_by_text("Only you see this.")).to_be_visible()
    expect(page.locator(".only-you").first).to_have_text("Only visible to you")
    page.click(".acting-button")
    page.click("[data-user=UCHEN]")
    expect(page.locator(".acting-who")).to_contain_text("Chen Wei")
    expect(page.get_by_text("Only you see this.")).to_have_count(0)
    slack.send_message("UADA", "C0GENERAL", "news")
    expect(page.locator(".badge")).to_have_text("1")
    page.get_by_role("button", name="general").click()
    expect(page.locator(".badge")).to_have_count(0)


def test_failures_are_told_kindly(open_page: Open) -> None:
    with start(ack_s=0.3) as slack:
        page = open_page(slack.url)
        ask(page, "/best")
        expect(page.locator(".notice")).to_contain_text("dispatch_failed")
        expect(page.locator(".notice")).to_contain_text("The bot could not be reached")


HOSTILE = "<img src=x onerror=alert(1)> <script>alert(2)</script> `<!channel>` *bold* _it_ ~no~ javascript:alert(3)"


def test_text_of_others_never_becomes_markup(slack: Playground, open_page: Open) -> None:
    page = open_page(slack.url)
    slack.send_message("UBEN", CHANNEL, HOSTILE)
    client = WebClient(token=slack.bot_token, base_url=slack.api_url)
    raw = '<javascript:alert(4)|click> <https://e.org/?q="><b>|<b>x</b>> &lt;!channel&gt; '
    raw += "<!date^1763900000^{date_num}|then>"
    client.chat_postMessage(channel=CHANNEL, text=raw)
    shown = page.locator(".message .text")
    expect(shown).to_have_count(2)
    expect(shown.first).to_contain_text("<img src=x onerror=alert(1)> <script>alert(2)</script>")
    expect(shown.first.locator("strong")).to_have_text("bold")
    expect(shown.first.locator("code")).to_have_text("<!channel>")
    expect(shown.last).to_contain_text("<!channel>")
    expect(shown.last.locator("time")).to_have_text("2025-11-23")
    assert page.locator(".message img:not(.avatar), .message script, .message b").count() == 0
    assert page.evaluate("[...document.links].every((a) => /^(https?|mailto):/.test(a.href))")


def test_it_is_usable_on_a_phone(slack: Playground, open_page: Open) -> None:
    page = open_page(slack.url, width=390, height=844)
    best(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("#menu")
    page.get_by_role("button", name="general").click()
    expect(page.locator("h1")).to_have_text("general")
    expect(page.get_by_text("Stand-in for Slack: an approximation, not Slack")).to_be_in_viewport()


def test_the_inspector_shows_the_json(slack: Playground, open_page: Open) -> None:
    page = open_page(slack.url)
    best(page)
    page.click("#inspect")
    expect(page.locator(".inspector pre").first).to_contain_text('"type": "table"')
    page.click("#inspect")
    expect(page.locator(".inspector")).to_have_count(0)


KINDS = [
    {"type": "rich_text", "elements": [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "bold", "style": {"bold": True}}]},
        {"type": "rich_text_list", "style": "bullet", "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": "item"}]}]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "code"}]}]},
    {"type": "data_visualization", "title": "Loss", "chart": {
        "type": "line", "axis_config": {"categories": ["1", "2", "3"], "x_label": "epoch"},
        "series": [{"name": "a", "data": [{"label": str(n), "value": 1 / n} for n in (1, 2, 3)]},
                   {"name": "b", "data": [{"label": str(n), "value": 2 / n} for n in (1, 2, 3)]}]}},
    {"type": "data_table", "caption": "Runs", "page_size": 2, "rows": [
        [{"type": "raw_text", "text": "run"}, {"type": "raw_text", "text": "acc"}],
        *([{"type": "raw_text", "text": f"run-{n}"}, {"type": "raw_number", "value": n, "text": f"{n} %"}]
          for n in range(5))]},
    {"type": "actions", "elements": [
        {"type": "overflow", "action_id": "more", "options": [
            {"text": {"type": "plain_text", "text": "Hide"}, "value": "hide"}]},
        {"type": "datepicker", "action_id": "day"},
        {"type": "users_select", "action_id": "who", "placeholder": {"type": "plain_text", "text": "Who"}},
        {"type": "button", "action_id": "gone", "text": {"type": "plain_text", "text": "Delete"}, "style": "danger",
         "confirm": {"title": {"type": "plain_text", "text": "Sure?"},
                     "text": {"type": "mrkdwn", "text": "*Gone* is gone"},
                     "confirm": {"type": "plain_text", "text": "Yes"}, "deny": {"type": "plain_text", "text": "No"}}}]},
]  # fmt: skip


def test_every_kind_of_block_is_drawn(slack: Playground, open_page: Open) -> None:
    page = open_page(slack.url)
    client = WebClient(token=slack.bot_token, base_url=slack.api_url)
    client.chat_postMessage(channel=CHANNEL, text="kinds", blocks=KINDS)
    expect(page.locator(".chart svg path")).to_have_count(2)
    expect(page.locator(".rich-text li")).to_have_text("item")
    rows = page.locator(".data-table tbody tr")
    expect(rows).to_have_count(2)
    page.locator(".data-table .sort").last.click()
    page.locator(".data-table .sort").last.click()
    expect(rows.first).to_contain_text("run-4")
    page.get_by_role("button", name="Next").click()
    expect(rows.first).to_contain_text("run-2")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#confirm")).to_contain_text("Gone is gone")
    page.get_by_role("button", name="No", exact=True).click()
    assert not [entry for entry in slack.journal.entries("delivery") if entry["what"] == "block_actions"]
    expect(page.locator(".unknown")).to_have_count(0)
