"""The calls that make, start, connect and end sessions, and tell how the server is."""

import base64
import secrets

from pydantic import ValidationError

from simulators.waha import pictures, refusals
from simulators.waha.bodies import CodeBody, SessionBody
from simulators.waha.calls import Call, Operation, Reply
from simulators.waha.engines import ENGINES
from simulators.waha.server import Waha
from simulators.waha.sessions import Session


def _list(waha: Waha, call: Call) -> Reply:
    with_stopped = call.query.get("all") == "true"
    shown = [one.view() for one in waha.sessions if with_stopped or one.status != "STOPPED"]
    return Reply(content=shown)


def _create(waha: Waha, call: Call) -> Reply:
    body = call.read(SessionBody)
    name = body.name or f"session_{secrets.token_hex(8)}"
    if waha.sessions.get(name):
        raise refusals.plain(422, f"Session '{name}' already exists. Use PUT to update it.")
    session = waha.add_session(name, is_paired=False)
    session.statuses.clear()
    session.status = "STOPPED"
    _configure(session, body)
    if body.start:
        waha.start(session)
    return Reply(status=201, content=session.view())


def _update(waha: Waha, call: Call) -> Reply:
    session = waha.session(call.session_name)
    _configure(session, call.read(SessionBody))
    if session.status != "STOPPED":
        waha.restart(session)
    return Reply(content=session.view())


def _show(waha: Waha, call: Call) -> Reply:
    return Reply(content=waha.session(call.session_name).view())


def _remove(waha: Waha, call: Call) -> Reply:
    if session := waha.sessions.get(call.session_name):
        waha.stop(session)
        waha.sessions.remove(session.name)
    return Reply()


def _start(waha: Waha, call: Call) -> Reply:
    session = waha.session(call.session_name)
    waha.start(session)
    return Reply(status=201, content=session.view())


def _stop(waha: Waha, call: Call) -> Reply:
    session = waha.session(call.session_name)
    waha.stop(session)
    return Reply(status=201, content=session.view())


def _restart(waha: Waha, call: Call) -> Reply:
    session = waha.session(call.session_name)
    waha.restart(session)
    return Reply(status=201, content=session.view())


def _logout(waha: Waha, call: Call) -> Reply:
    session = waha.session(call.session_name)
    waha.unpair(session)
    return Reply(status=201, content=session.view())


def _me(waha: Waha, call: Call) -> Reply:
    me = waha.session(call.session_name).me
    return Reply(content=me.view() if me else None)


def _qr(waha: Waha, call: Call) -> Reply:
    session = _to_be_paired(waha, call)
    value = f"2@{session.name},{session.qr_number}"
    if call.query.get("format") == "raw":
        return Reply(content={"value": value})
    picture = pictures.qr_picture(value)
    if "application/json" in call.accept:
        data = base64.b64encode(picture).decode()
        return Reply(content={"mimetype": "image/png", "data": data})
    return Reply(file=picture, content_type=b"image/png")


def _request_code(waha: Waha, call: Call) -> Reply:
    call.read(CodeBody)
    _to_be_paired(waha, call)
    letters = "".join(secrets.choice("ABCDEFGHJKLMNPQRSTVWXYZ123456789") for _ in range(8))
    return Reply(status=201, content={"code": f"{letters[:4]}-{letters[4:]}"})


def _ping(_waha: Waha, _call: Call) -> Reply:
    return Reply(content={"message": "pong"})


def _version(waha: Waha, _call: Call) -> Reply:
    return Reply(content=ENGINES[waha.engine].environment())


def _to_be_paired(waha: Waha, call: Call) -> Session:
    session = waha.session(call.session_name)
    if session.status != "SCAN_QR_CODE":
        raise refusals.not_as_expected(session.name, session.status, "SCAN_QR_CODE")
    return session


def _configure(session: Session, body: SessionBody) -> None:
    try:
        session.configure(body.config)
    except ValidationError as invalid:
        lines = [f"config.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in invalid.errors()]
        raise refusals.plain(400, lines) from None


_ONE = "/api/sessions/{session}"

OPERATIONS = (
    Operation(name="ping", method="GET", path="/ping", act=_ping, needs_key=False),
    Operation(name="version", method="GET", path="/api/server/version", act=_version),
    Operation(name="sessions", method="GET", path="/api/sessions", act=_list),
    Operation(name="createSession", method="POST", path="/api/sessions", act=_create),
    Operation(name="session", method="GET", path=_ONE, act=_show),
    Operation(name="updateSession", method="PUT", path=_ONE, act=_update),
    Operation(name="removeSession", method="DELETE", path=_ONE, act=_remove),
    Operation(name="startSession", method="POST", path=f"{_ONE}/start", act=_start),
    Operation(name="stopSession", method="POST", path=f"{_ONE}/stop", act=_stop),
    Operation(name="restartSession", method="POST", path=f"{_ONE}/restart", act=_restart),
    Operation(name="logoutSession", method="POST", path=f"{_ONE}/logout", act=_logout),
    Operation(name="me", method="GET", path=f"{_ONE}/me", act=_me),
    Operation(name="qr", method="GET", path="/api/{session}/auth/qr", act=_qr),
    Operation(
        name="requestCode",
        method="POST",
        path="/api/{session}/auth/request-code",
        act=_request_code,
    ),
)
