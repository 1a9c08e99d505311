"""The server of `burnish review`, asked as a browser asks it, and as somebody else would."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pandas as pd
import pytest
from review_run import AUTOMATIC, CLASSES, HEN, WAITING, answers, make_run
from starlette.testclient import TestClient

from burnish.flows.review import open_review, write_tasks
from burnish.flows.review_server import HEADER, Tokens, review_app
from burnish.tasks import sheet as sheet_module
from burnish.tasks.findings import InputError

ADDRESS = "http://127.0.0.1:8765"


class Page:
    """A browser tab: the cookie and the header token of a first visit."""

    def __init__(self, app, tokens: Tokens):
        self.client = TestClient(app, base_url=ADDRESS)
        first = self.client.get("/", params={"token": tokens.door})
        assert first.status_code == 200
        self.html = first.text
        self.first = first
        self.client.headers[HEADER] = re.search(r'name="burnish-token" content="([^"]+)"', first.text)[1]

    def cards(self, **query):
        return self.client.get("/cards", params={"start": 0, "count": 20} | query).json()

    def decide(self, card, decision, label=None, **more):
        sent = {"row": card["row"], "index": card["index"], "decision": decision, "label": label, "mark": card["mark"]}
        return self.client.post("/decide", json=sent | more)

    def undo(self):
        return self.client.post("/undo", json={})


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path)


@pytest.fixture
def tokens():
    return Tokens()


@pytest.fixture
def app(run, tokens):
    return review_app(open_review(run), tokens)


@pytest.fixture
def page(app, tokens):
    return Page(app, tokens)


def test_the_queue_is_those_who_wait_then_what_was_changed(page):
    found = page.cards()
    assert [card["id"] for card in found["cards"]] == [*WAITING, *AUTOMATIC]
    assert found["progress"] == {
        "judged": 0, "skipped": 0, "total": 6, "queue_judged": 0, "queue": 6, "given": 0
    }  # fmt: skip


def test_every_word_is_on_disk_before_the_answer(page, run):
    cards = page.cards()["cards"]
    for card, word, label, written in [
        (cards[0], "accept", None, ("accept", "")),
        (cards[1], "keep", None, ("keep", "")),
        (cards[2], "other", 2, ("other", HEN)),
        (cards[3], "drop", None, ("drop", "")),
        (cards[4], "skip", None, ("skip", "")),
        (cards[5], "other", 0, ("other", "'-dog")),
    ]:
        answer = page.decide(card, word, label)
        assert answer.status_code == 200 and answers(run)[card["id"]] == written
    state = answer.json()
    assert state["progress"]["judged"] == 5 and state["progress"]["skipped"] == 1 and state["next"] is None
    sheet = pd.read_csv(run / "review.csv", dtype=str, keep_default_na=False)
    assert sheet["id"].tolist() == ["'=e3", "e1", "e5", "e7", "e9", "e10"]
    assert sheet.set_index("id").loc["e9", ["split", "action"]].tolist() == ["train", "relabel"]


def test_undo_goes_back_step_by_step_on_disk(page, run):
    before = (run / "review.csv").read_text()
    cards = page.cards()["cards"]
    again = page.decide(cards[0], "accept").json()["card"]
    page.decide(again | {"index": 0}, "keep")
    page.decide(cards[4], "drop")
    assert page.undo().json()["index"] == 4 and "e9" not in answers(run)
    page.undo()
    assert answers(run) == {"=e3": ("accept", "")}
    page.undo()
    assert answers(run) == {} and len((run / "review.csv").read_text().splitlines()) == len(before.splitlines())
    assert page.undo().json()["row"] is None


def test_a_second_tab_sees_the_first_and_overwrites_nothing(app, tokens, run):
    one, two = Page(app, tokens), Page(app, tokens)
    card = one.cards()["cards"][0]
    assert one.decide(card, "accept").status_code == 200
    late = two.decide(card, "keep")
    assert late.status_code == 409 and late.json()["card"]["decision"] == "accept"
    assert answers(run) == {"=e3": ("accept", "")}
    assert two.decide(late.json()["card"] | {"index": 0}, "keep").status_code == 200
    assert answers(run) == {"=e3": ("keep", "")}


def test_a_sheet_edited_outside_is_read_again(page, run):
    cards = page.cards()["cards"]
    page.decide(cards[0], "accept")
    sheet = pd.read_csv(run / "review.csv", dtype=str, keep_default_na=False)
    sheet.loc[sheet["id"] == "e1", "decision"] = "drop"
    sheet.loc[sheet["id"] == "'=e3", "decision"] = "keep"
    sheet.assign(note="mine").to_csv(run / "review.csv", index=False)
    assert page.decide(cards[1], "keep").status_code == 409
    assert page.undo().status_code == 409
    assert page.decide(cards[2], "keep").json()["progress"]["judged"] == 3
    assert answers(run) == {"=e3": ("keep", ""), "e1": ("drop", ""), "e5": ("keep", "")}
    assert pd.read_csv(run / "review.csv")["note"].eq("mine").all()


def test_a_sheet_spoilt_outside_is_left_alone(page, run):
    card = page.cards()["cards"][0]
    (run / "review.csv").write_text("nothing of use\n")
    answer = page.decide(card, "keep")
    assert answer.status_code == 422 and "no column 'id'" in answer.json()["said"]
    assert (run / "review.csv").read_text() == "nothing of use\n"


def test_a_full_disk_decides_nothing(page, run, monkeypatch):
    card = page.cards()["cards"][0]

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(sheet_module, "write_atomically", full)
        answer = page.decide(card, "keep")
    assert answer.status_code == 507 and "No space" in answer.json()["said"]
    assert answers(run) == {} and page.cards()["cards"][0]["decision"] == ""
    assert page.decide(card, "keep").status_code == 200


@pytest.mark.parametrize("path", ["/", "/start", "/cards?start=0&count=1", "/picture/0", "/nothing"])
def test_without_the_token_nothing_is_said(app, tokens, path):
    stranger = TestClient(app, base_url=ADDRESS)
    assert stranger.get(path).status_code == 403
    assert stranger.get(path, headers={"Cookie": "burnish-8765=wrong"}).status_code == 403
    assert stranger.get(path, params={"token": "é" + tokens.door}).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "[::1", ""])
def test_another_host_name_is_refused(page, host):
    assert page.client.get("/start").status_code == 200
    assert page.client.get("/start", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("headers", [{HEADER: ""}, {HEADER: "wrong"}, {"Origin": "http://evil.example"}])
def test_another_site_cannot_post(page, run, headers):
    card = page.cards()["cards"][0]
    sent = {"row": card["row"], "index": 0, "decision": "drop", "mark": card["mark"]}
    assert page.client.post("/decide", json=sent, headers=headers).status_code == 403
    assert page.client.post("/undo", json={}, headers=headers).status_code == 403
    assert answers(run) == {}


def test_the_cookie_and_the_headers_keep_others_out(page, tokens):
    cookie = page.first.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and tokens.door in cookie
    policy = page.first.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy)[1]
    assert set(re.findall(r'nonce="([^"]+)"', page.html)) == {nonce}
    again = page.client.get("/")
    assert nonce not in again.headers["content-security-policy"]
    assert again.headers["referrer-policy"] == "no-referrer" and again.headers["cache-control"] == "no-store"
    assert tokens.door not in page.html


def test_the_page_is_whole_and_holds_no_data(page, run):
    assert not re.search(r'(?:src|href)="(?!data:|#)', page.html)
    assert "http://" not in page.html and "https://" not in page.html
    assert "<b>cat" not in page.html and "burnish apply" in page.html


def test_values_from_the_data_stay_text(page):
    card = page.cards()["cards"][0]
    assert ["note", "<i>x</i>", "<i>x</i>", "<i>x</i>"] in card["values"]
    assert page.client.get("/cards?start=0&count=1").headers["content-type"] == "application/json"
    assert page.client.get("/start").json()["classes"] == list(CLASSES)


def test_a_name_with_markup_is_escaped(run, tokens):
    summary = json.loads((run / "summary.json").read_text()) | {"name": "<script>alert(1)</script>"}
    (run / "summary.json").write_text(json.dumps(summary))
    assert "<script>alert" not in Page(review_app(open_review(run), tokens), tokens).html


@pytest.mark.parametrize(
    "sent",
    [
        {"row": 0},
        {"row": 99},
        {"row": -1},
        {"row": "../e1"},
        {"decision": "delete"},
        {"decision": "other"},
        {"decision": "other", "label": 3},
        {"decision": "other", "label": -1},
        {"path": "/etc/passwd"},
        {"pair": 7},
        {"what": "x"},
    ],
)
def test_what_makes_no_sense_is_refused(page, run, sent):
    card = page.cards()["cards"][0]
    whole = {"row": card["row"], "index": 0, "decision": "keep", "mark": card["mark"]} | sent
    assert page.client.post("/decide", json=whole).status_code == 422
    assert answers(run) == {}


def test_no_keep_without_a_label_and_no_accept_without_a_suggestion(page, run):
    cards = {card["id"]: card for card in page.cards()["cards"]}
    assert page.decide(cards["e7"], "keep").status_code == 422
    assert page.decide(cards["e7"], "accept").status_code == 200


def test_choices_narrow_what_is_shown_and_counted(page):
    found = page.cards(what="waiting", split="dev")
    assert [card["id"] for card in found["cards"]] == ["=e3", "e1"]
    assert (found["progress"]["total"], found["progress"]["queue"]) == (2, 6)
    pairs = page.client.get("/start").json()["pairs"]
    assert sum(count for *_, count in pairs) == 4
    assert len(page.cards(pair="0")["cards"]) == pairs[0][2]
    answer = page.decide(found["cards"][1], "keep", what="waiting", split="dev").json()
    assert answer["next"] == 0 and answer["progress"]["judged"] == 1


def test_pictures_come_by_position_only(tmp_path, tokens):
    page = Page(review_app(open_review(make_run(tmp_path, "images")), tokens), tokens)
    found = page.client.get("/picture/3?side=16")
    assert found.headers["content-type"] == "image/png" and found.content[:4] == b"\x89PNG"
    assert page.client.get("/start").json()["pictures"]
    assert [page.client.get(f"/picture/{row}").status_code for row in (12, -1)] == [404, 404]
    for path in ("/picture/..%2f..%2fdata.csv", "/picture/%2e%2e/data.csv", "/picture/pictures%2f1.png", "/data.csv"):
        assert page.client.get(path).status_code in (404, 422)
    (tmp_path / "pictures/3.png").unlink()
    assert page.client.get("/picture/3").status_code == 404


def test_a_run_without_neighbours_or_data_says_so(run, tokens, tmp_path):
    (run / "neighbours.npy").unlink()
    (tmp_path / "data.csv").unlink()
    page = Page(review_app(open_review(run), tokens), tokens)
    start = page.client.get("/start").json()
    assert not start["neighbours"] and "no longer" in start["note"]
    assert page.cards()["cards"][0]["values"] == []


def test_a_run_without_a_sheet_gets_one(run, tokens):
    (run / "review.csv").unlink()
    page = Page(review_app(open_review(run), tokens), tokens)
    page.decide(page.cards()["cards"][1], "keep")
    assert answers(run) == {"e1": ("keep", "")}


def test_what_has_been_applied_is_not_asked_again(run, tokens):
    (run / "decisions.csv").write_text('id,decision,label,suggested_label\ne9,keep,"-dog",x\n')
    page = Page(review_app(open_review(run), tokens), tokens)
    assert "e9" not in [card["id"] for card in page.cards()["cards"]]


def test_no_run_is_said(tmp_path):
    with pytest.raises(InputError, match="not a finished run"):
        open_review(tmp_path)


def test_fifty_thousand_suspects_are_quick(tmp_path, tokens):
    run = make_run(tmp_path)
    table = pd.read_parquet(run / "examples.parquet").query("action == 'review'")
    many = pd.concat([table] * 12_500, ignore_index=True)
    many["id"] = [f"e{i}" for i in range(len(many))]
    many.to_parquet(run / "examples.parquet", index=False)
    many.assign(decision="", new_label="").to_csv(run / "review.csv", index=False)
    page = Page(review_app(open_review(run), tokens), tokens)
    card = page.cards(count=1)["cards"][0]
    page.decide(card, "skip")
    began = time.perf_counter()
    found = page.client.get("/cards?start=40000&count=24&brief=1")
    answer = page.decide(found.json()["cards"][0], "drop")
    assert answer.json()["progress"]["total"] == 50_000 and time.perf_counter() - began < 2
    assert len(found.content) < 30_000


def test_label_studio_tasks_are_written_with_their_configuration(run, tmp_path):
    file = tmp_path / "tasks.json"
    said = write_tasks(run, file)
    tasks = json.loads(file.read_text())
    assert [task["data"]["example_id"] for task in tasks] == [*WAITING, *AUTOMATIC]
    assert "note: <i>x</i>" in tasks[0]["data"]["text"] and "6 tasks" in said[0]
    assert "&lt;b&gt;cat" in file.with_suffix(".xml").read_text()
    with pytest.raises(InputError, match=r"ends in \.json"):
        write_tasks(run, tmp_path / "tasks.txt")


@pytest.mark.slow
def test_the_command_serves_until_ctrl_c(run: Path):
    command = [sys.executable, "-m", "burnish.flows.cli", "review", str(run), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        server.stdout.readline()
        address = server.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{40,}", address)
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert b"Burnish review" in answer.read()
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(address[:-3], timeout=30)
        assert error.value.code == 403
        error.value.close()
        port = address.split(":")[2].split("/")[0]
        taken = subprocess.run([*command, "--port", port], capture_output=True, text=True, timeout=120)
        assert taken.returncode == 2 and f"--port {port}" in taken.stderr
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=60)
    finally:
        server.kill()
    assert server.returncode == 0, err
    assert "no decisions made" in out and f"burnish apply {run} {os.path.join(run, 'review.csv')}" in out
