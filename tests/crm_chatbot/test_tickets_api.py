"""Tickets, boards and templates over HTTP, and what is refused about them."""

from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from uuid_utils.compat import uuid7

from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.interface.tickets import board_views, ticket_views
from tests.crm_chatbot.chats import another_chat
from tests.crm_chatbot.running import SHOP, TENANTS, Running
from tests.served import OTHER_TENANT, TENANT, said

TICKETS, BOARDS, TEMPLATES = (
    f"{SHOP}/{one}" for one in ("tickets", "ticket-boards", "ticket-templates")
)
INVALID = "422 validation_failed"


async def made(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def test_a_ticket_is_opened_and_looked_at(api: Running) -> None:
    async with api.client("tenant") as client:
        answer = await client.post(
            TICKETS, json={"subject": "Lost", "priority": "high", "assignee_id": "sari"}
        )
        view = answer.json()
        seen = await client.get(answer.headers["Location"])
        [board] = (await client.get(BOARDS)).json()["boards"]

    assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"')
    assert view.pop("missing") == []
    assert seen.json() == view
    assert seen.headers["ETag"] == '"1"'
    assert (view["number"], view["status"], view["board_id"]) == (1, "open", board["id"])
    assert view["opened_by"].startswith("key ")


async def test_a_ticket_goes_its_way(api: Running) -> None:
    async with api.client("tenant") as client:
        path = f"{TICKETS}/{(await made(client, TICKETS, subject='Lost'))['id']}"

        async def change(**body: Any) -> str:
            answer = await client.patch(path, json=body)
            return said(answer) if answer.is_error else answer.json()["status"]

        assert await change(status="closed") == "409 ticket_cannot_move #/status"
        assert await change(status="resolved") == "422 ticket_rejected #/resolution"
        assert await change(resolution="Too early.") == "422 ticket_rejected #/resolution"
        assert await change(status="resolved", resolution="Found.") == "resolved"
        assert await change(status="open") == "409 ticket_cannot_move #/status"
        assert await change(status="closed") == "closed"
        # 61: what is closed is opened by `reopen` alone.
        assert await change(status="open") == "409 ticket_cannot_move #/status"
        again = await client.post(f"{path}/reopen")
        twice = await client.post(f"{path}/reopen")
        events = (await client.get(f"{path}/history")).json()["events"]

    assert (again.json()["status"], again.headers["ETag"]) == ("open", '"4"')
    assert said(twice) == "409 ticket_not_over"
    assert [(one["what"], one["facts"]) for one in events] == [
        ("ticket.opened", {"priority": "none"}),
        ("ticket.moved", {"from": "open", "to": "resolved"}),
        ("ticket.moved", {"from": "resolved", "to": "closed"}),
        ("ticket.reopened", {"from": "closed"}),
    ]


async def test_a_change_is_meant_for_the_version_that_was_seen(api: Running) -> None:
    """52."""
    async with api.client("tenant") as client:
        ticket = await made(client, TICKETS, subject="Lost")
        board, template = (
            await made(client, BOARDS, name="Money"),
            await made(client, TEMPLATES, name="Lost", subject_template="Lost"),
        )
        for path, thing in ((TICKETS, ticket), (BOARDS, board), (TEMPLATES, template)):
            field = "subject" if path == TICKETS else "name"
            its = f"{path}/{thing['id']}"
            first = await client.patch(its, json={field: "A"}, headers={"If-Match": '"1"'})
            late = await client.patch(its, json={field: "B"}, headers={"If-Match": '"1"'})
            assert (first.status_code, first.headers["ETag"]) == (200, '"2"')
            assert said(late) == "412 conflict"
        late = await client.post(f"{TICKETS}/{ticket['id']}/reopen", headers={"If-Match": '"1"'})

    assert said(late) == "412 conflict"


async def test_two_tickets_are_not_opened_by_one_request(api: Running) -> None:
    async with api.client("tenant") as client:
        key = {"Idempotency-Key": "one"}
        first = await client.post(TICKETS, json={"subject": "Lost"}, headers=key)
        again = await client.post(TICKETS, json={"subject": "Lost", "priority": None}, headers=key)
        other = await client.post(TICKETS, json={"subject": "Other"}, headers=key)
        listed = (await client.get(TICKETS)).json()["tickets"]

    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert said(other) == "422 idempotency_key_reused"
    assert len(listed) == 1


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, "422 ticket_rejected #/subject"),
        ({"subject": ""}, f"{INVALID} #/subject"),
        ({"subject": "x" * 501}, f"{INVALID} #/subject"),
        ({"subject": " "}, "422 ticket_rejected #/subject"),
        ({"subject": "a\nb"}, "422 ticket_rejected #/subject"),
        ({"subject": 1}, f"{INVALID} #/subject"),
        ({"subject": "x", "description": "x" * 8_001}, f"{INVALID} #/description"),
        ({"subject": "x", "priority": "P0"}, f"{INVALID} #/priority"),
        ({"subject": "x", "priority": "HIGH"}, f"{INVALID} #/priority"),
        ({"subject": "x", "assignee_id": ""}, f"{INVALID} #/assignee_id"),
        ({"subject": "x", "assignee_id": "\t"}, "422 ticket_rejected #/assignee_id"),
        ({"subject": "x", "status": "open"}, f"{INVALID} #/status"),
        ({"subject": "x", "number": 1}, f"{INVALID} #/number"),
        ({"subject": "x", "board_id": "x"}, f"{INVALID} #/board_id"),
        ({"subject": "x", "board_id": str(uuid7())}, "404 board_not_found"),
        ({"subject": "x", "customer_id": str(uuid7())}, "404 customer_not_found"),
        ({"subject": "x", "conversation_id": str(uuid7())}, "404 conversation_not_found"),
        ({"subject": "x", "order_id": str(uuid7())}, "404 order_not_found"),
        ({"template_id": str(uuid7())}, "404 template_not_found"),
    ],
)
async def test_what_is_no_ticket_is_refused(
    api: Running, body: dict[str, Any], refusal: str
) -> None:
    async with api.client("tenant") as client:
        answer = await client.post(TICKETS, json=body)
        listed = (await client.get(TICKETS)).json()["tickets"]

    assert (said(answer), listed) == (refusal, [])


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"status": "OPEN"}, f"{INVALID} #/status"),
        ({"status": None}, f"{INVALID} #/status"),
        ({"priority": "P0"}, f"{INVALID} #/priority"),
        ({"subject": None}, f"{INVALID} #/subject"),
        ({"assignee_id": "x" * 101}, f"{INVALID} #/assignee_id"),
        ({"assignee": "x"}, f"{INVALID} #/assignee"),
        ({"board_id": str(uuid7())}, "404 board_not_found"),
    ],
)
async def test_what_is_no_change_is_refused(
    api: Running, body: dict[str, Any], refusal: str
) -> None:
    async with api.client("tenant") as client:
        path = f"{TICKETS}/{(await made(client, TICKETS, subject='Lost'))['id']}"
        answer = await client.patch(path, json=body)
        seen = await client.get(path)

    assert said(answer) == refusal
    assert seen.json()["version"] == 1


async def test_an_assignee_goes_again(api: Running) -> None:
    async with api.client("tenant") as client:
        ticket = await made(client, TICKETS, subject="Lost", assignee_id="sari")
        answer = await client.patch(f"{TICKETS}/{ticket['id']}", json={"assignee_id": None})

    assert answer.json()["assignee_id"] is None


async def test_what_is_anothers_is_not_linked(api: Running) -> None:
    """45, 62: it looks as if it were not there."""
    async with api.menu.open_work(TenantId(OTHER_TENANT)) as work:
        theirs = await another_chat(work, tenant_id=TenantId(OTHER_TENANT))
    async with api.client("other") as client:
        foreign = f"{TENANTS}/{OTHER_TENANT}"
        board = await made(client, f"{foreign}/ticket-boards", name="Money")
        template = await made(
            client, f"{foreign}/ticket-templates", name="Lost", subject_template="Lost"
        )
    links = {
        "board_id": board["id"],
        "conversation_id": str(theirs.id),
        "customer_id": str(theirs.customer_id),
        "template_id": template["id"],
    }

    async with api.client("tenant") as client:
        for name, link in links.items():
            answer = await client.post(TICKETS, json={"subject": "x", name: link})
            absent = await client.post(TICKETS, json={"subject": "x", name: str(uuid7())})
            assert said(answer) == said(absent)
            assert answer.status_code == 404
        ticket = await made(client, TICKETS, subject="Lost")
        moved = await client.patch(f"{TICKETS}/{ticket['id']}", json={"board_id": board["id"]})

    assert said(moved) == "404 board_not_found"


async def test_tickets_are_paged_and_found(api: Running) -> None:
    async with api.client("tenant") as client:
        for subject in ("Lost", "100% broken", "lost again"):
            await made(client, TICKETS, subject=subject)
        await client.patch(
            f"{TICKETS}/{(await client.get(TICKETS)).json()['tickets'][0]['id']}",
            json={"status": "waiting", "priority": "urgent", "assignee_id": "sari"},
        )

        async def numbers(**query: Any) -> list[int]:
            answer = await client.get(TICKETS, params=query)
            assert answer.status_code == 200, answer.text
            return [one["number"] for one in answer.json()["tickets"]]

        page = (await client.get(TICKETS, params={"limit": 2})).json()
        cursor = page["next_cursor"]
        rest = (await client.get(TICKETS, params={"limit": 2, "cursor": cursor})).json()
        elsewhere = await client.get(TICKETS, params={"status": "open", "cursor": cursor})

        assert [one["number"] for one in page["tickets"]] == [3, 2]
        assert ([one["number"] for one in rest["tickets"]], rest["next_cursor"]) == ([1], None)
        assert said(elsewhere) == "400 invalid_cursor"
        assert await numbers(q="LOST") == [3, 1]
        assert await numbers(q="%") == [2]
        assert await numbers(q="#2") == [2]
        assert await numbers(status=["open", "closed"]) == [2, 1]
        assert await numbers(priority="urgent") == [3]
        assert await numbers(assignee_id="sari") == [3]
        assert await numbers(overdue="true") == []
        assert await numbers(customer_id=str(uuid7())) == []


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ({"status": "done"}, f"{INVALID} #/query/status/0"),
        ({"priority": "P0"}, f"{INVALID} #/query/priority/0"),
        ({"board_id": "x"}, f"{INVALID} #/query/board_id"),
        ({"q": ""}, f"{INVALID} #/query/q"),
        ({"overdue": "perhaps"}, f"{INVALID} #/query/overdue"),
        ({"limit": "0"}, f"{INVALID} #/query/limit"),
        ({"limit": "101"}, f"{INVALID} #/query/limit"),
        ({"sort": "name"}, f"{INVALID} #/query/sort"),
        ({"cursor": "x"}, "400 invalid_cursor"),
    ],
)
async def test_what_is_no_list_is_refused(
    api: Running, query: dict[str, str], refusal: str
) -> None:
    async with api.client("tenant") as client:
        assert said(await client.get(TICKETS, params=query)) == refusal


async def test_colleagues_comment_page_by_page(api: Running) -> None:
    async with api.client("tenant") as client:
        path = f"{TICKETS}/{(await made(client, TICKETS, subject='Lost'))['id']}/comments"
        for text in ("one", "two", "three"):
            await made(client, path, text=text)
        blank = await client.post(path, json={"text": " "})
        page = (await client.get(path, params={"limit": 2})).json()
        rest = (await client.get(path, params={"cursor": page["next_cursor"]})).json()

    assert said(blank) == "422 ticket_rejected #/text"
    assert [one["text"] for one in page["comments"]] == ["three", "two"]
    assert ([one["text"] for one in rest["comments"]], rest["next_cursor"]) == (["one"], None)


async def test_what_happened_is_read_page_by_page(api: Running) -> None:
    async with api.client("tenant") as client:
        ticket = f"{TICKETS}/{(await made(client, TICKETS, subject='Lost'))['id']}"
        path = f"{ticket}/history"
        for text in ("one", "two"):
            await made(client, f"{ticket}/comments", text=text)
        await client.patch(ticket, json={"priority": "high"})
        page = (await client.get(path, params={"limit": 2})).json()
        cursor = page["next_cursor"]
        rest = (await client.get(path, params={"cursor": cursor})).json()
        elsewhere = await client.get(f"{ticket}/comments", params={"cursor": cursor})
        refused = [
            said(await client.get(path, params=query))
            for query in ({"limit": "0"}, {"limit": "101"}, {"cursor": "x"}, {"sort": "at"})
        ]

    def steps(part: dict[str, Any]) -> list[str]:
        return [one["what"] for one in part["events"]]

    assert steps(page) == ["ticket.commented", "ticket.prioritised"]
    assert (steps(rest), rest["next_cursor"]) == (["ticket.opened", "ticket.commented"], None)
    assert said(elsewhere) == "400 invalid_cursor"
    assert refused == [
        f"{INVALID} #/query/limit",
        f"{INVALID} #/query/limit",
        "400 invalid_cursor",
        f"{INVALID} #/query/sort",
    ]


async def test_a_ticket_is_made_from_a_template(api: Running) -> None:
    async with api.client("tenant") as client:
        template = await made(
            client,
            TEMPLATES,
            name="Lost",
            subject_template="Lost at {shop_name}",
            description_template="{order_number}",
            default_priority="high",
        )
        view = await made(client, TICKETS, template_id=template["id"])
        removed = await client.delete(f"{TEMPLATES}/{template['id']}")
        gone = await client.get(f"{TEMPLATES}/{template['id']}")
        listed = (await client.get(TEMPLATES)).json()["templates"]

    assert (view["subject"], view["description"]) == ("Lost at Kopi Ani", "")
    assert (view["priority"], view["missing"]) == ("high", ["order_number"])
    assert (removed.status_code, said(gone), listed) == (204, "404 template_not_found", [])


async def test_what_is_no_template_is_refused(api: Running) -> None:
    async with api.client("tenant") as client:
        await made(client, TEMPLATES, name="Lost", subject_template="Lost")
        answers = [
            await client.post(TEMPLATES, json={"subject_template": "x", **body})
            for body in (
                {"name": "Lost"},
                {"name": "x", "subject_template": "{nobody}"},
                {"name": "x", "description_template": "{"},
                {"name": ""},
                {"name": "x", "default_priority": "P0"},
            )
        ]

    assert list(map(said, answers)) == [
        "409 template_name_taken #/name",
        "422 variable_unknown #/subject_template",
        "422 brace_alone #/description_template",
        f"{INVALID} #/name",
        f"{INVALID} #/default_priority",
    ]


async def test_a_board_is_kept_and_becomes_the_default(api: Running) -> None:
    columns = [{"status": "closed", "name": "Beres"}, {"status": "open", "name": "Baru"}]
    async with api.client("tenant") as client:
        board = await made(client, BOARDS, name="Money", columns=columns, is_default=True)
        path = f"{BOARDS}/{board['id']}"
        seen = await client.get(path)
        boards = (await client.get(BOARDS)).json()["boards"]
        ticket = await made(client, TICKETS, subject="Lost")
        no_longer = await client.patch(path, json={"is_default": False})
        # 62
        removed = await client.delete(path)
        other = f"{BOARDS}/{boards[0]['id']}"
        await client.patch(other, json={"is_default": True})
        in_use = await client.delete(path)
        await client.patch(f"{TICKETS}/{ticket['id']}", json={"board_id": boards[0]["id"]})
        gone = await client.delete(path)

    assert board["columns"] == columns
    assert seen.json() == board
    assert seen.headers["ETag"] == f'"{board["version"]}"'
    assert [(one["name"], one["is_default"]) for one in boards] == [
        ("Umum", False),
        ("Money", True),
    ]
    assert ticket["board_id"] == board["id"]
    assert said(no_longer) == said(removed) == "409 board_is_default"
    assert said(in_use) == "409 board_in_use"
    assert gone.status_code == 204


async def test_what_is_no_board_is_refused(api: Running) -> None:
    opened, closed = {"status": "open", "name": "A"}, {"status": "closed", "name": "B"}
    bodies: list[tuple[dict[str, Any], str]] = [
        ({"name": "Umum"}, "409 board_name_taken #/name"),
        ({}, f"{INVALID} #/name"),
        ({"name": " "}, "422 board_rejected #/name"),
        ({"name": "x", "columns": []}, f"{INVALID} #/columns"),
        ({"name": "x", "columns": [opened]}, "422 board_rejected #/columns"),
        ({"name": "x", "columns": [opened, closed, closed]}, "422 board_rejected #/columns"),
        ({"name": "x", "columns": [{**opened, "status": "new"}]}, f"{INVALID} #/columns/0/status"),
        ({"name": "x", "columns": [{**opened, "wip": 1}]}, f"{INVALID} #/columns/0/wip"),
        ({"name": "x", "is_default": "true"}, f"{INVALID} #/is_default"),
    ]
    async with api.client("tenant") as client:
        for body, refusal in bodies:
            assert said(await client.post(BOARDS, json=body)) == refusal, body
        assert len((await client.get(BOARDS)).json()["boards"]) == 1


async def test_of_who_is_erased_no_ticket_says_a_word(api: Running) -> None:
    async with api.menu.open_work(TenantId(TENANT)) as work:
        chat = await another_chat(work)
    async with api.client("tenant") as client:
        ticket = await made(
            client, TICKETS, subject="Budi", description="Budi", conversation_id=str(chat.id)
        )
        path = f"{TICKETS}/{ticket['id']}"
        await made(client, f"{path}/comments", text="Budi")
        await client.patch(path, json={"status": "resolved", "resolution": "Budi"})
        erased = await client.delete(f"/v1/crm/customers/{chat.customer_id}")
        texts = [(await client.get(f"{path}{rest}")).text for rest in ("", "/comments", "/history")]

    assert erased.status_code == 204
    assert not [text for text in texts if "Budi" in text]


async def test_what_happens_is_told_in_the_conversation(api: Running) -> None:
    async with api.menu.open_work(TenantId(TENANT)) as work:
        chat = await another_chat(work)
    async with api.client("tenant") as client:
        ticket = await made(client, TICKETS, subject="Lost", conversation_id=str(chat.id))
        await client.patch(
            f"{TICKETS}/{ticket['id']}", json={"status": "resolved", "resolution": "Found."}
        )
        timeline = (await client.get(f"/v1/crm/conversations/{chat.id}/timeline")).json()

    assert ticket["customer_id"] == str(chat.customer_id)
    assert [step["says"] for step in timeline["steps"]] == [
        "Ticket #1 was opened.",
        "Ticket #1 is resolved.",
    ]


@pytest.mark.parametrize(
    "schema",
    [
        one
        for module in (ticket_views, board_views)
        for one in vars(module).values()
        if isinstance(one, type) and getattr(one, "model_config", {}).get("json_schema_extra")
    ],
)
def test_every_example_is_one(schema: type[BaseModel]) -> None:
    extra: Any = schema.model_config.get("json_schema_extra")
    for example in extra["examples"]:
        schema.model_validate(example)


async def test_every_route_shows_examples(api: Running) -> None:
    document = api.app.openapi()
    schemas = document["components"]["schemas"]

    def shows(content: dict[str, Any]) -> bool:
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        return "examples" in str(schemas[name]) or any(
            "examples" in str(schemas[inner])
            for inner in schemas
            if f"/{inner}'" in str(schemas[name])
        )

    routes = [
        (path, route)
        for path, methods in document["paths"].items()
        if "/ticket" in path
        for route in methods.values()
    ]
    assert len(routes) >= 17
    for path, route in routes:
        answers = [route["responses"].get(code, {}).get("content") for code in ("200", "201")]
        bodies = [route.get("requestBody", {}).get("content"), *answers]
        assert [path for body in bodies if body and not shows(body)] == []
